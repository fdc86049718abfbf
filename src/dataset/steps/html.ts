/** Replaces HTML by its text. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { htmlToText } from '../clean/html';
import { labelColumns } from './labels';
import { textChanger } from './texts';
import { eachRow, type DataStep } from './step';

/** Only text that is certainly HTML changes: see src/dataset/clean/html.ts. */
export const html: DataStep<DataStepSettingsOf<'html'>> = {
  text: true,
  begin: (shape, settings) => eachRow(textChanger(shape, settings.in, labelColumns(shape), htmlToText)),
  suggest: () => ({ kind: 'html', in: 'input' }),
};
