/** Cuts long texts into several rows, at paragraphs and sentences. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { chunkText } from '../clean/chunks';
import { cellText } from '../table';
import { columnsWith, eachRow, type DataStep } from './step';

/**
 * For texts to continue, and for labelled texts: each part has the label. The texts of a question and its answer belong together and stay
 * whole. The parts of a row keep its line.
 */
export const cutLong: DataStep<DataStepSettingsOf<'cut-long'>> = {
  begin(shape, { most, overlap }) {
    const [column, ...others] = columnsWith(shape, 'text');
    const suits = (shape.format === 'text' || shape.format === 'text-label') && others.length === 0;
    return eachRow((row) => {
      const text = column === undefined || !suits ? '' : cellText(row.cells[column]);
      if (text.trim().length <= most) return row;
      return chunkText(text, { most, overlap }).map((chunk) => ({ ...row, cells: row.cells.with(column ?? 0, chunk) }));
    });
  },
  suggest: () => null,
};
