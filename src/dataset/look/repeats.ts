/** Rows that repeat another one exactly. */

import { hashOf } from '../row-hash';
import { lacksText, used } from '../steps/step';
import { keyOf } from '../text';
import type { Looked } from './looked';
import { RowSurvey } from './survey';

/** The rows with a duplicate, the first of them too; duplicates are what the data step takes for them. True by the row's position. */
export function repeatSurvey(looked: Looked): RowSurvey<(index: number) => boolean> {
  return looked.work('repeats', '', () => {
    const { mapping, table } = looked;
    const columns = used(mapping);
    const lacks = lacksText(mapping);
    const first = new Map<string, number>();
    const repeated = new Uint8Array(table.rows.count);
    return new RowSurvey(
      table.rows,
      (row, { index }) => {
        if (lacks(row)) return;
        const key = hashOf(keyOf(columns.map((column) => row.cells[column])));
        const before = first.get(key);
        if (before === undefined) first.set(key, index);
        else repeated[before] = repeated[index] = 1;
      },
      () => (index) => repeated[index] === 1,
    );
  });
}
