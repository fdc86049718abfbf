/** Encodes examples and prompts to token ids, with the loss mask. Training and generation share this code and so see the same tokens. */

import { messageOf } from '../core/errors';
import type { Example, Message } from '../dataset/types';
import { spansOf } from './spans';
import { TextStream } from './stream';
import type { TextTokenizer } from './tokenizer';
import type { ExamplePreview, PreviewToken } from './types';

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

/** The reason why an example can't be trained on. */
export interface DroppedExample {
  readonly dropped: string;
}

/** A conversation to answer, or a text to continue. */
export type Prompt = { readonly messages: readonly Message[] } | { readonly text: string };

/** An example before truncation. */
export interface Tokens {
  readonly ids: number[];
  readonly trained: number[];
}

/** One flag for each token, in a typed or plain array. */
type Flags = Pick<Uint8Array, 'length' | 'indexOf'> | readonly number[];

/** Encodes an example and truncates it to the sequence length; dropped when no trained token remains. */
export function encodeExample(
  tokenizer: TextTokenizer,
  example: Example,
  settings: EncodeSettings,
): EncodedExample | DroppedExample {
  const whole = encodeWhole(tokenizer, example, settings.lossOn);
  if ('dropped' in whole) return whole;
  const kept = keptLength(whole.trained, settings.sequenceLength);
  if (typeof kept !== 'number') return kept;
  return { ids: whole.ids.slice(0, kept), trained: whole.trained.slice(0, kept), truncated: whole.ids.length - kept };
}

/** Encodes an example without truncation; dropped when the chat template raises an error. */
export function encodeWhole(
  tokenizer: TextTokenizer,
  example: Example,
  lossOn: EncodeSettings['lossOn'],
): Tokens | DroppedExample {
  try {
    const tokens =
      example.kind === 'chat' ? encodeChat(tokenizer, example.messages, lossOn) : encodeText(tokenizer, example.text);
    // No earlier token predicts the first.
    if (tokens.trained.length > 0) tokens.trained[0] = 0;
    return tokens;
  } catch (error) {
    return { dropped: `The chat template refuses this conversation: ${messageOf(error)}` };
  }
}

/** How many tokens remain of an example that is truncated to `length`; dropped when none of them is trained. */
export function keptLength(trained: Flags, length: number): number | DroppedExample {
  const first = trained.indexOf(1);
  if (first < 0) return { dropped: 'No token of it is trained: the chat template renders no answer.' };
  if (first < length) return Math.min(trained.length, length);
  const found = `The prompt alone has ${first} tokens and the sequence length is ${length}, so no token of the answer remains.`;
  return { dropped: `${found} Raise the sequence length to ${trained.length} for this row.` };
}

/** Ids of a prompt for generation: the same that precede an answer in training. Throws what the chat template raises. */
export function encodePrompt(tokenizer: TextTokenizer, prompt: Prompt): number[] {
  if ('text' in prompt) return [...tokenizer.prefix, ...tokenizer.encode(prompt.text)];
  const spans = spansOf(tokenizer.chat, prompt.messages, tokenizer.stopTexts, true);
  return join(tokenizer, spans).ids;
}

/** An example token by token, for the page. */
export function previewExample(
  tokenizer: TextTokenizer,
  example: Example,
  settings: EncodeSettings,
): ExamplePreview | DroppedExample {
  const encoded = encodeExample(tokenizer, example, settings);
  if ('dropped' in encoded) return encoded;
  const stream = new TextStream(tokenizer, { skipSpecial: false });
  const tokens: PreviewToken[] = encoded.ids.map((id, i) => {
    // A token that ends inside a character has no text yet.
    const text = stream.push(id);
    return { id, text: text === '' ? '\ufffd' : text, trained: encoded.trained[i] === 1 };
  });
  return { line: example.line, tokens, truncated: encoded.truncated };
}

function encodeChat(tokenizer: TextTokenizer, messages: readonly Message[], lossOn: EncodeSettings['lossOn']): Tokens {
  const spans = spansOf(tokenizer.chat, messages, tokenizer.stopTexts, false);
  const tokens = join(tokenizer, spans);
  if (lossOn === 'all') return { ids: tokens.ids, trained: tokens.ids.map(() => 1) };
  const last = tokens.trained.lastIndexOf(1);
  // No loss depends on what follows the last answer: a line break, an unanswered question.
  const kept = { ids: tokens.ids.slice(0, last + 1), trained: tokens.trained.slice(0, last + 1) };
  return withEnd(tokenizer, kept);
}

/** Appends the end token when the template has no end-of-turn token, because the model would otherwise learn never to stop. */
function withEnd(tokenizer: TextTokenizer, tokens: Tokens): Tokens {
  const last = tokens.ids.at(-1);
  const { eosId } = tokenizer;
  if (last === undefined || eosId === null || tokenizer.stopIds.includes(last)) return tokens;
  return { ids: [...tokens.ids, eosId], trained: [...tokens.trained, 1] };
}

/** Encodes the spans in order, each as the continuation of those before it. */
function join(tokenizer: TextTokenizer, spans: readonly { readonly text: string; readonly answer: boolean }[]): Tokens {
  const ids: number[] = [];
  const trained: number[] = [];
  let left = '';
  for (const { text, answer } of spans) {
    for (const id of tokenizer.encodeAfter(left, text)) {
      ids.push(id);
      trained.push(answer ? 1 : 0);
    }
    left += text;
  }
  return { ids, trained };
}

/** Start token if the tokenizer adds one, the text, the end token. */
function encodeText(tokenizer: TextTokenizer, text: string): Tokens {
  const { prefix, suffix, eosId } = tokenizer;
  const ids = [...prefix, ...tokenizer.encode(text), ...suffix];
  if (eosId !== null && ids.at(-1) !== eosId) ids.push(eosId);
  return { ids, trained: ids.map((_, i) => (i < prefix.length ? 0 : 1)) };
}
