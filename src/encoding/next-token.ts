/** Truncation of examples for next-token prediction: one document, whose beginning is kept. */

import { internal } from '../core/errors';
import type { Dropped, Encoded, Tokens, Whole } from './encoding';

/** One flag for each token, in a typed or plain array. */
type Flags = Pick<Uint8Array, 'length' | 'indexOf'> | readonly number[];

/** A sequence whose first token is not trained, because no earlier one predicts it. */
export function sequence(ids: readonly number[], trained: readonly number[]): Tokens {
  return { ids, trained: trained.length > 0 ? [0, ...trained.slice(1)] : [] };
}

/** Keeps the first `length` tokens; dropped when no trained token remains. */
export function cutDocument({ parts: [part] }: Whole, length: number): Encoded | Dropped {
  if (part === undefined) throw internal('an example has no tokens');
  const kept = keptLength(part.trained, length);
  if (typeof kept !== 'number') return kept;
  const document = { ids: part.ids.slice(0, kept), trained: part.trained.slice(0, kept) };
  return { documents: [document], target: [], truncated: part.ids.length - kept };
}

/** How many tokens remain of an example that is truncated to `length`; dropped when none of them is trained. */
function keptLength(trained: Flags, length: number): number | Dropped {
  const first = trained.indexOf(1);
  if (first < 0) return { dropped: 'No token of it is trained: the chat template renders no answer.' };
  if (first < length) return Math.min(trained.length, length);
  const found = `The prompt alone has ${first} tokens and a row has room for ${length}, so no token of the answer remains.`;
  return { dropped: `${found} Raise the sequence length by ${trained.length - length} for this row.` };
}
