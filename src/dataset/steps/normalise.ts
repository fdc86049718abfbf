/** Brings letters, white space and quotation marks into one form, and removes characters that cannot be seen. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { normalise as normaliseText } from '../clean/normalise';
import { changeTexts } from './texts';
import { eachRow, used, withCells, type DataStep } from './step';

/** In labels, too: they are compared with others. */
export const normalise: DataStep<DataStepSettingsOf<'normalise'>> = {
  text: true,
  begin(shape, settings) {
    const columns = used(shape);
    const change = (text: string): string => normaliseText(text, settings);
    return eachRow((row) => withCells(row, columns, (cell) => changeTexts(cell, 'all', change)));
  },
  suggest: () => ({ kind: 'normalise', form: 'NFC', spaces: 'plain', quotes: 'keep' }),
};
