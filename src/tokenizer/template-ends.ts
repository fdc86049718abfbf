/** How a model learns to end its answers. */

import type { TextTokenizer } from './tokenizer';

/** `template`: the chat template writes a stop token after an answer. `added`: it does not, and one is added. `none`: there is no stop token. */
export type AnswerEnd = 'template' | 'added' | 'none';

const ANSWER = 'ANSWER-7f3a';

/** Renders one conversation, and looks for a stop token after its answer. */
export function answerEnd({ chat, stopTexts, eosId }: Pick<TextTokenizer, 'chat' | 'stopTexts' | 'eosId'>): AnswerEnd {
  const turns = [
    { role: 'user', content: 'Question' },
    { role: 'assistant', content: ANSWER },
  ] as const;
  const rendered = chat.tryRender(turns, false) ?? '';
  const end = rendered.slice(rendered.lastIndexOf(ANSWER) + ANSWER.length);
  if (stopTexts.some((text) => text !== '' && end.includes(text))) return 'template';
  return eosId === null ? 'none' : 'added';
}
