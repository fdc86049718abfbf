/** One example for next-token prediction: its tokens. */

import type { Example } from '../dataset/types';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import { ENCODINGS } from './index';
import type { Dropped, Whole } from './encoding';

export interface EncodeSettings {
  /** The most tokens of an example; longer ones are truncated. */
  readonly sequenceLength: number;
  /** Loss on the assistant's answers with their end-of-turn tokens, or on every token. All of a plain text is trained either way. */
  readonly lossOn: 'assistant' | 'all';
}

/**
 * `ids` and `trained` have the same length; `trained[i]` is 1 where the loss counts token i. `truncated` is the number of tokens
 * that were cut off.
 */
export interface EncodedExample {
  readonly ids: readonly number[];
  readonly trained: readonly number[];
  readonly truncated: number;
}

/** Encodes an example without truncation; dropped when the chat template raises an error. */
export function encodeWhole(
  tokenizer: TextTokenizer,
  example: Example,
  settings: Pick<EncodeSettings, 'lossOn'>,
): Whole | Dropped {
  if (example.kind === 'chat') return ENCODINGS.chat.encode(tokenizer, example, settings);
  return ENCODINGS.text.encode(tokenizer, example, {});
}

/** Encodes an example and truncates it to the sequence length; dropped when no trained token remains. */
export function encodeExample(tokenizer: TextTokenizer, example: Example, settings: EncodeSettings): EncodedExample | Dropped {
  const whole = encodeWhole(tokenizer, example, settings);
  if ('dropped' in whole) return whole;
  const cut = ENCODINGS[example.kind].cut(tokenizer, whole, settings.sequenceLength);
  if ('dropped' in cut) return cut;
  const [document] = cut.documents;
  return { ids: [...(document?.ids ?? [])], trained: [...(document?.trained ?? [])], truncated: cut.truncated };
}
