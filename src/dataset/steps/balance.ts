/** Drops rows of frequent labels, so that no label has many more rows than another. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { LabelDraws } from '../clean/balance';
import { cellText, isFilled, type Row } from '../table';
import { spellingKey } from '../text';
import { labelColumns } from './labels';
import { lacksText, type DataStep, type StepRun } from './step';

/** For one column of labels. It is not suggested: class weights use all rows. */
export const balance: DataStep<DataStepSettingsOf<'balance'>> = {
  begin(shape, { ratio }, seed): StepRun {
    const [column, ...others] = labelColumns(shape);
    const lacks = lacksText(shape);
    const draws = new LabelDraws(seed);
    let surveyed = 0;
    const labelOf = (row: Row): string | null => {
      if (column === undefined || others.length > 0 || lacks(row) || !isFilled(row.cells[column])) return null;
      return spellingKey(cellText(row.cells[column]));
    };
    return {
      survey(row) {
        const label = labelOf(row);
        const number = surveyed++;
        if (label !== null) draws.add(label, number);
      },
      start() {
        const stays = draws.plan(ratio);
        const counts = draws.counts();
        let read = 0;
        return (row) => {
          const label = labelOf(row);
          const number = read++;
          if (label === null || stays(label, number)) return row;
          return `Left out for balance: its label has ${(counts.get(label) ?? 0).toLocaleString('en')} rows.`;
        };
      },
    };
  },
  suggest: () => null,
};
