/** Drops rows that repeat an earlier one. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { lineWords } from '../../core/places';
import { hashOf } from '../row-hash';
import { keyOf } from '../text';
import { lacksText, used, type DataStep } from './step';

/** Rows are the same if all used columns are, white space at the ends apart. A row that can't be used is no duplicate. */
export const dropDuplicates: DataStep<DataStepSettingsOf<'drop-duplicates'>> = {
  begin(shape) {
    const columns = used(shape);
    const lacks = lacksText(shape);
    return {
      start() {
        const lines = new Map<string, number>();
        return (row) => {
          if (lacks(row)) return row;
          const key = hashOf(keyOf(columns.map((column) => row.cells[column])));
          const line = lines.get(key);
          if (line === undefined) lines.set(key, row.line);
          return line === undefined ? row : `Repeats ${lineWords(shape.files, line)}.`;
        };
      },
    };
  },
  suggest: () => ({ kind: 'drop-duplicates' }),
};
