/** Conversations: the chat template's tokens, of which the assistant's answers or all are trained. */

import { messageOf } from '../core/errors';
import type { Message } from '../dataset/types';
import { joinSpans } from '../tokenizer/encode';
import { spansOf } from '../tokenizer/spans';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { Dropped, Encoding, EncodingSettings, Examples } from './encoding';
import { cutDocument, sequence } from './next-token';

interface Tokens {
  readonly ids: readonly number[];
  readonly trained: readonly number[];
}

export const chat: Encoding<Examples['chat'], EncodingSettings['chat']> = {
  documents: 1,
  columns: () => [],
  encode(tokenizer, { messages, tools }, { lossOn }) {
    const found = rendered(() =>
      lossOn === 'all' ? allTokens(tokenizer, messages, tools) : answerTokens(tokenizer, messages, { tools }),
    );
    return 'dropped' in found ? found : { parts: [sequence(found.ids, found.trained)], target: [] };
  },
  cut: (_, whole, length) => cutDocument(whole, length),
};

/** What `encode` gives, or why the chat template refuses the conversation. */
export function rendered<T>(encode: () => T): T | Dropped {
  try {
    return encode();
  } catch (error) {
    return { dropped: `The chat template refuses this conversation: ${messageOf(error)}` };
  }
}

function allTokens(tokenizer: TextTokenizer, messages: readonly Message[], tools?: readonly unknown[]): Tokens {
  const { ids } = joinSpans(tokenizer, spansOf(tokenizer.chat.withTools(tools), messages, tokenizer.stopTexts, false));
  return { ids, trained: ids.map(() => 1) };
}

/**
 * The conversation up to the end of its last answer, with the answers marked whose text begins at character `from` of the rendered
 * conversation or later. No loss depends on what follows: a line break, an unanswered question.
 */
export function answerTokens(
  tokenizer: TextTokenizer,
  messages: readonly Message[],
  { from = 0, tools }: { readonly from?: number; readonly tools?: readonly unknown[] | undefined } = {},
): Tokens {
  let at = 0;
  const spans = spansOf(tokenizer.chat.withTools(tools), messages, tokenizer.stopTexts, false).map(({ text, answer }) => {
    const late = at >= from;
    at += text.length;
    return { text, answer: answer && late };
  });
  const { ids, trained } = joinSpans(tokenizer, spans);
  const last = trained.lastIndexOf(1);
  return withEnd(tokenizer, { ids: ids.slice(0, last + 1), trained: trained.slice(0, last + 1) });
}

/** Appends the end token when the template has no end-of-turn token, because the model would otherwise learn never to stop. */
function withEnd(tokenizer: TextTokenizer, tokens: Tokens): Tokens {
  const last = tokens.ids.at(-1);
  const { eosId } = tokenizer;
  if (last === undefined || eosId === null || tokenizer.stopIds.includes(last)) return tokens;
  return { ids: [...tokens.ids, eosId], trained: [...tokens.trained, 1] };
}
