/** Repairs text that was saved as UTF-8 and read as Windows-1252 or Latin-1. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { repairMojibake } from '../clean/mojibake';
import { changeTexts } from './texts';
import { eachRow, used, withCells, type DataStep } from './step';

/** In labels, too: they are compared with others. */
export const mojibake: DataStep<DataStepSettingsOf<'mojibake'>> = {
  text: true,
  begin(shape) {
    const columns = used(shape);
    return eachRow((row) => withCells(row, columns, (cell) => changeTexts(cell, 'all', repairMojibake)));
  },
  suggest: () => ({ kind: 'mojibake' }),
};
