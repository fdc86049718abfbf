/** Removes white space at the ends of texts and brings them into Unicode's composed form (NFC). */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { trimmed } from '../text';
import { eachRow, used, withCells, type DataStep } from './step';

/** Lists, such as those of messages, stay as they are. */
export const trim: DataStep<DataStepSettingsOf<'trim'>> = {
  text: true,
  begin(shape) {
    const columns = used(shape);
    return eachRow((row) => withCells(row, columns, (cell) => (typeof cell === 'string' ? trimmed(cell) : cell)));
  },
  suggest: () => ({ kind: 'trim' }),
};
