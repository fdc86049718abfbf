/** Drops rows that repeat an earlier one. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { lineWords } from '../../core/places';
import { originOf, markOf, type Placed } from '../row-origin';
import { hashOf } from '../row-hash';
import { keyOf } from '../text';
import { lacksText, used, type DataStep } from './step';

/**
 * Rows are the same if all used columns are, white space at the ends apart. A row that can't be used is no duplicate, and neither
 * is what another step made of one row, such as copies of it.
 */
export const dropDuplicates: DataStep<DataStepSettingsOf<'drop-duplicates'>> = {
  begin(shape) {
    const columns = used(shape);
    const lacks = lacksText(shape);
    return {
      start() {
        const first = new Map<string, Placed>();
        return (row) => {
          if (lacks(row)) return row;
          const key = hashOf(keyOf(columns.map((column) => row.cells[column])));
          const same = first.get(key);
          if (same === undefined) first.set(key, markOf(row));
          return same === undefined || originOf(same) === originOf(row) ? row : `Repeats ${lineWords(shape.files, same.line)}.`;
        };
      },
    };
  },
  suggest: () => ({ kind: 'drop-duplicates' }),
};
