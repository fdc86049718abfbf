/**
 * Which parts of a rendered conversation the assistant writes. Found by rendering the conversation up to each answer, with the
 * assistant's turn opened, and comparing: few templates mark their answers, but all can be rendered.
 */

import type { Message } from '../dataset/types';
import type { ChatTemplate } from './template';

/** A piece of the text; end to end the pieces are the text. */
export interface Span {
  readonly text: string;
  /** Written by the assistant: an answer with its end-of-turn token. */
  readonly answer: boolean;
}

type Range = readonly [from: number, to: number];

/**
 * The conversation in spans. Each answer begins where a prompt would end, and ends with the last of `stops` in its turn.
 * With `open`, the last span is the opening of the assistant's next turn. Throws what the template raises.
 */
export function spansOf(chat: ChatTemplate, messages: readonly Message[], stops: readonly string[], open: boolean): Span[] {
  const text = chat.render(messages, open);
  const answers = answerRanges(chat, messages, text, stops, open);
  const asked = messages.some((message) => message.role === 'assistant');
  if (answers.length === 0 && asked && !open) return rebuilt(chat, messages, stops);
  return cut(text, answers);
}

/** Answers whose prompt and turn stand in `text` as they would be rendered alone: what is learnt there is what inference sees. */
function answerRanges(
  chat: ChatTemplate,
  messages: readonly Message[],
  text: string,
  stops: readonly string[],
  open: boolean,
): Range[] {
  const ranges: Range[] = [];
  messages.forEach((message, i) => {
    if (message.role !== 'assistant') return;
    const prompt = chat.tryRender(messages.slice(0, i), true);
    const whole = !open && i === messages.length - 1;
    const turn = whole ? text : chat.tryRender(messages.slice(0, i + 1), false);
    if (prompt === null || turn === null || !turn.startsWith(prompt) || !text.startsWith(turn)) return;
    ranges.push([prompt.length, endOfAnswer(turn, prompt.length, stops)]);
  });
  return ranges;
}

/** Behind the last stop token of the turn; the end of the turn when it has none. */
function endOfAnswer(turn: string, from: number, stops: readonly string[]): number {
  const ends = stops.map((stop) => ({ at: turn.lastIndexOf(stop), length: stop.length })).filter(({ at }) => at >= from);
  return ends.length === 0 ? turn.length : Math.max(...ends.map(({ at, length }) => at + length));
}

/**
 * For templates that open an answer differently from how they later show it (reasoning models): the prompt of the last
 * answer as inference renders it, then the answer from its content on.
 */
function rebuilt(chat: ChatTemplate, messages: readonly Message[], stops: readonly string[]): Span[] {
  const last = messages.findLastIndex((message) => message.role === 'assistant');
  const content = messages[last]?.content.trim() ?? '';
  const prompt = chat.render(messages.slice(0, last), true);
  const turn = chat.render(messages.slice(0, last + 1), false);
  const at = turn.lastIndexOf(content);
  if (at < 0) throw new Error("the chat template does not show the assistant's answer");
  return [
    { text: prompt, answer: false },
    { text: turn.slice(at, endOfAnswer(turn, at, stops)), answer: true },
  ];
}

function cut(text: string, answers: readonly Range[]): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const [start, end] of answers) {
    spans.push({ text: text.slice(from, start), answer: false }, { text: text.slice(start, end), answer: true });
    from = end;
  }
  spans.push({ text: text.slice(from), answer: false });
  return spans.filter((span) => span.text !== '');
}
