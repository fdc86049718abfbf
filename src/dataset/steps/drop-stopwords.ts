/** Leaves out the most frequent words of a language. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { withoutStopwords } from '../clean/stopwords';
import { labelColumns } from './labels';
import { textChanger } from './texts';
import { eachRow, type DataStep } from './step';

/** In labelled texts only: a model that writes learns from whole sentences. It is never suggested. */
export const dropStopwords: DataStep<DataStepSettingsOf<'drop-stopwords'>> = {
  text: true,
  begin(shape, { language }) {
    const labels = labelColumns(shape);
    if (labels.length === 0) return eachRow((row) => row);
    return eachRow(textChanger(shape, 'input', labels, (text) => withoutStopwords(text, language)));
  },
  suggest: () => null,
};
