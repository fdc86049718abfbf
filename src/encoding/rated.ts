/**
 * Answers that are rated as good or bad, each with its prompt: one document, of which the tokens of the answer are marked. The target is 1
 * for a good answer, 0 for a bad one.
 */

import type { Encoding, EncodingSettings, Examples } from './encoding';
import { rendered } from './chat';
import { cutDocument } from './next-token';
import { withPrompt } from './pair';

export const rated: Encoding<Examples['rated'], EncodingSettings['rated']> = {
  documents: 1,
  columns: () => [
    { name: 'documents', dtype: 'i32', per: 'token', width: 1 },
    { name: 'desirable', dtype: 'f32', per: 'document', width: 1 },
    { name: 'documentWeights', dtype: 'f32', per: 'document', width: 1 },
    { name: 'mismatchedIds', dtype: 'i32', per: 'token', width: 1 },
    { name: 'mismatchedPositions', dtype: 'i32', per: 'token', width: 1 },
    { name: 'mismatchedLabels', dtype: 'i32', per: 'token', width: 1 },
    { name: 'mismatchedWeights', dtype: 'f32', per: 'token', width: 1 },
    { name: 'mismatchedDocuments', dtype: 'i32', per: 'token', width: 1 },
    { name: 'mismatchedShares', dtype: 'f32', per: 'document', width: 1 },
  ],
  encode(tokenizer, { prompt, answer, desirable }) {
    const part = rendered(() => withPrompt(tokenizer, prompt, answer));
    return 'dropped' in part ? part : { parts: [part], target: [desirable ? 1 : 0] };
  },
  cut(_, whole, length) {
    const cut = cutDocument(whole, length);
    return 'dropped' in cut ? cut : { ...cut, target: whole.target };
  },
};
