/** Puts words into the part that their forms share. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { textStemmer } from '../clean/stems';
import { labelColumns } from './labels';
import { eachRow, type DataStep } from './step';
import { textChanger } from './texts';

/** In labelled texts only: a model that writes learns whole words. It is never suggested. */
export const stem: DataStep<DataStepSettingsOf<'stem'>> = {
  text: true,
  async begin(shape, { language }) {
    const labels = labelColumns(shape);
    if (labels.length === 0) return eachRow((row) => row);
    return eachRow(textChanger(shape, 'input', labels, await textStemmer(language)));
  },
  suggest: () => null,
};
