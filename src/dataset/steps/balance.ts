/** Drops rows of frequent labels, or repeats rows of rare ones, so that no label has many more rows than another. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { drawOf, LabelDraws } from '../clean/balance';
import type { Decision, DataStep, StepRun } from './step';
import { copiesOf } from './copies';
import { labelReader } from './labels';

/** For one column of labels. It is not suggested: class weights use all rows as they are. */
export const balance: DataStep<DataStepSettingsOf<'balance'>> = {
  begin(shape, { ratio, direction }, seed): StepRun {
    const labelOf = labelReader(shape);
    const draws = new LabelDraws();
    let surveyed = 0;
    return {
      survey(row) {
        const label = labelOf(row);
        const draw = drawOf(seed, surveyed++);
        if (label !== null) draws.add(label, draw);
      },
      start() {
        const [stays, repeats] = [draws.down(ratio), draws.up(ratio)];
        const counts = draws.counts();
        let read = 0;
        return (row): Decision => {
          const label = labelOf(row);
          const draw = drawOf(seed, read++);
          if (label === null) return row;
          if (direction === 'up') return copiesOf(row, repeats(label, draw));
          if (stays(label, draw)) return row;
          return `Left out for balance: its label has ${(counts.get(label) ?? 0).toLocaleString('en')} rows.`;
        };
      },
    };
  },
  suggest: () => null,
};
