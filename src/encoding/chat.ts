/** Conversations: the chat template's tokens, of which the assistant's answers or all are trained. */

import { CodedError, messageOf } from '../core/errors';
import type { Message } from '../dataset/types';
import { joinSpans } from '../tokenizer/encode';
import { chatSpans, isTrained, NO_ANSWERS, type AnswerCounts } from '../tokenizer/spans';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { Dropped, Encoding, EncodingSettings, Examples } from './encoding';
import { cutDocument, sequence } from './next-token';

export interface ChatTokens {
  readonly ids: readonly number[];
  readonly trained: readonly number[];
  readonly answers: AnswerCounts;
}

export const chat: Encoding<Examples['chat'], EncodingSettings['chat']> = {
  documents: 1,
  columns: () => [],
  encode(tokenizer, { messages, tools }, { lossOn }) {
    const encode = lossOn === 'all' ? allTokens : answerTokens;
    const found = rendered(() => encode(tokenizer, messages, tools));
    if ('dropped' in found) return found;
    return { parts: [sequence(found.ids, found.trained)], target: [], answers: found.answers };
  },
  cut: (_, whole, length) => cutDocument(whole, length),
};

/** What `encode` gives, or why the chat template refuses the conversation. Throws model/template. */
export function rendered<T>(encode: () => T): T | Dropped {
  try {
    return encode();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    return { dropped: `The chat template refuses this conversation: ${messageOf(error)}` };
  }
}

function allTokens(tokenizer: TextTokenizer, messages: readonly Message[], tools?: readonly unknown[]): ChatTokens {
  const { spans, answers } = chatSpans(tokenizer.chat.withTools(tools), messages, tokenizer.stopTexts);
  const { ids } = joinSpans(tokenizer, spans);
  return { ids, trained: ids.map(() => 1), answers };
}

/** The conversation up to the end of its last trained answer: no loss depends on what follows. Answers of weight 0 are not marked. */
export function answerTokens(tokenizer: TextTokenizer, messages: readonly Message[], tools?: readonly unknown[]): ChatTokens {
  const upTo = messages.slice(0, messages.findLastIndex(isTrained) + 1);
  if (upTo.length === 0) return { ids: [], trained: [], answers: NO_ANSWERS };
  const { spans, answers } = chatSpans(tokenizer.chat.withTools(tools), upTo, tokenizer.stopTexts);
  const { ids, trained } = joinSpans(tokenizer, spans);
  const end = trained.lastIndexOf(1) + 1;
  return { ...withEnd(tokenizer, { ids: ids.slice(0, end), trained: trained.slice(0, end) }), answers };
}

/** Appends the end token when the template has no end-of-turn token, because the model would otherwise learn never to stop. */
function withEnd(tokenizer: TextTokenizer, tokens: Omit<ChatTokens, 'answers'>): Omit<ChatTokens, 'answers'> {
  const last = tokens.ids.at(-1);
  const { eosId } = tokenizer;
  if (last === undefined || eosId === null || tokenizer.stopIds.includes(last)) return tokens;
  return { ids: [...tokens.ids, eosId], trained: [...tokens.trained, 1] };
}
