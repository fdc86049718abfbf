/** A conversation as text to train on, with the characters that the loss counts: what the comparison with transformers looks at. */

import type { Message } from '../src/dataset/types';
import { chatSpans, isTrained } from '../src/tokenizer/spans';
import { ChatTemplate } from '../src/tokenizer/template';

export interface AnsweredText {
  /** The conversation up to the turn of its last trained answer, as the template renders it. */
  readonly whole: string;
  /** To the end of the last trained answer. */
  readonly text: string;
  /** First character and the one after the last of each trained answer. */
  readonly answers: readonly (readonly [number, number])[];
}

interface Source {
  readonly source: string;
  readonly bos: string;
  readonly eos: string;
  /** Tokens that end an answer. */
  readonly stops: readonly string[];
}

/** The page's text of a conversation, or why the template refuses it. */
export function answerTexts(
  { source, bos, eos, stops }: Source,
  { messages, tools }: { readonly messages: readonly Message[]; readonly tools?: readonly unknown[] },
): AnsweredText | { readonly refused: string } {
  const chat = new ChatTemplate(source, { bos_token: bos, eos_token: eos }, false);
  const upTo = messages.slice(0, messages.findLastIndex(isTrained) + 1);
  try {
    const renderer = chat.withTools(tools);
    return { whole: renderer.render(upTo, false), ...joined(chatSpans(renderer, upTo, stops).spans) };
  } catch (error) {
    return { refused: String(error) };
  }
}

function joined(spans: readonly { readonly text: string; readonly trained: boolean }[]): Omit<AnsweredText, 'whole'> {
  const answers: (readonly [number, number])[] = [];
  let text = '';
  for (const span of spans) {
    if (span.trained) answers.push([text.length, text.length + span.text.length]);
    text += span.text;
  }
  return { text: text.slice(0, answers.at(-1)?.[1] ?? 0), answers };
}
