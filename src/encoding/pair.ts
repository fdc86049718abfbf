/**
 * Two answers to one prompt, of which the first is preferred: two documents, each with the prompt. The tokens of the answers are
 * marked; the loss of preference objectives is made of their log-probabilities.
 */

import { internal } from '../core/errors';
import type { Message } from '../dataset/types';
import { sharedRoom } from '../tokenizer/input';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import { answerTokens, rendered } from './chat';
import type { Dropped, Encoding, EncodingSettings, Examples, Tokens } from './encoding';
import { sequence } from './next-token';

const ANSWERS = ['preferred', 'rejected'] as const;

export const pair: Encoding<Examples['pair'], EncodingSettings['pair']> = {
  documents: 2,
  columns: ({ margins = false }) => [
    { name: 'documents', dtype: 'i32', per: 'token', width: 1 },
    { name: 'pooled', dtype: 'i32', per: 'document', width: 1 },
    ...(margins ? [{ name: 'margins', dtype: 'f32', per: 'document', width: 1 } as const] : []),
    { name: 'documentWeights', dtype: 'f32', per: 'document', width: 1 },
  ],
  encode(tokenizer, { prompt, chosen, rejected, margin }, { margins = false }) {
    const parts = [chosen, rejected].map((answer) => rendered(() => withPrompt(tokenizer, prompt, answer)));
    const refused = parts.find((part) => 'dropped' in part);
    return refused ?? { parts: parts.filter((part) => 'ids' in part), target: margins && margin !== undefined ? [margin] : [] };
  },
  /** Both are cut at the end, the longer one first. */
  cut(_, { parts, target }, length) {
    const [a, b] = parts;
    if (a === undefined || b === undefined) throw internal('a pair has no two answers');
    const kept = sharedRoom(a.ids.length, b.ids.length, length);
    const problem = parts.map((part, i) => lost(part, kept[i] ?? 0, ANSWERS[i] ?? '', length)).find((one) => one !== null);
    if (problem !== undefined) return problem;
    const documents = parts.map(({ ids, trained }, i) => ({ ids: ids.slice(0, kept[i]), trained: trained.slice(0, kept[i]) }));
    return { documents, target, truncated: a.ids.length + b.ids.length - kept[0] - kept[1] };
  },
};

/** The conversation with one of the answers. Earlier answers in the prompt are not marked. */
export function withPrompt(tokenizer: TextTokenizer, prompt: readonly Message[], answer: readonly Message[]): Tokens {
  const read = prompt.map((message) => ({ ...message, weight: 0 }) as const);
  const { ids, trained } = answerTokens(tokenizer, [...read, ...answer]);
  return sequence(ids, trained);
}

/** Why an answer can't be used when `kept` tokens of its document remain; null when it can. */
function lost({ trained }: Tokens, kept: number, answer: string, length: number): Dropped | null {
  const first = trained.indexOf(1);
  if (first < 0) return { dropped: `The chat template renders no ${answer} answer.` };
  if (first < kept) return null;
  const found = `Both answers with their prompts have to fit into the ${length} tokens that a row has room for`;
  return { dropped: `${found}, and no token of the ${answer} answer remains. Raise the sequence length.` };
}
