/**
 * Finds the parts of a rendered conversation that the assistant writes. Few templates mark answers with `{% generation %}`, so each
 * prefix of the conversation is rendered with the assistant's turn opened, and compared with the whole.
 */

import type { Message } from '../dataset/types';
import type { Renderer } from './template';

/** A part of the rendered text. The spans of a conversation, joined, are the text. */
export interface Span {
  readonly text: string;
  /** The assistant writes it: an answer with its end-of-turn token. */
  readonly answer: boolean;
}

type Range = readonly [from: number, to: number];

/**
 * The conversation in spans. An answer begins where the prompt before it ends in generation, and ends with the last of `stops` in its
 * turn. With `open`, the last span opens the assistant's next turn. Throws what the template raises.
 */
export function spansOf(chat: Renderer, messages: readonly Message[], stops: readonly string[], open: boolean): Span[] {
  const text = chat.render(messages, open);
  const answers = answerRanges(chat, messages, text, stops, open);
  const hasAnswer = messages.some((message) => message.role === 'assistant' && message.weight !== 0);
  if (answers.length === 0 && hasAnswer && !open) return lastAnswer(chat, messages, stops);
  return cut(text, answers);
}

/** The answers whose prompt and turn are in `text` as generation would render them. Others are not trained. */
function answerRanges(
  chat: Renderer,
  messages: readonly Message[],
  text: string,
  stops: readonly string[],
  open: boolean,
): Range[] {
  const ranges: Range[] = [];
  messages.forEach((message, i) => {
    if (message.role !== 'assistant' || message.weight === 0) return;
    const prompt = chat.tryRender(messages.slice(0, i), true);
    const whole = !open && i === messages.length - 1;
    const turn = whole ? text : chat.tryRender(messages.slice(0, i + 1), false);
    if (prompt === null || turn === null || !turn.startsWith(prompt) || !text.startsWith(turn)) return;
    ranges.push([prompt.length, endOfAnswer(turn, prompt.length, stops)]);
  });
  return ranges;
}

/** Index after the last stop token of the turn; the end of the turn when it has none. */
function endOfAnswer(turn: string, from: number, stops: readonly string[]): number {
  const ends = stops.map((stop) => ({ at: turn.lastIndexOf(stop), length: stop.length })).filter(({ at }) => at >= from);
  return ends.length === 0 ? turn.length : Math.max(...ends.map(({ at, length }) => at + length));
}

/**
 * For templates of reasoning models, which open an answer differently from how they render a finished one: the prompt of the last
 * answer as generation renders it, then the answer from its content on.
 */
function lastAnswer(chat: Renderer, messages: readonly Message[], stops: readonly string[]): Span[] {
  const last = messages.findLastIndex((message) => message.role === 'assistant' && message.weight !== 0);
  const content = messages[last]?.content.trim() ?? '';
  const prompt = chat.render(messages.slice(0, last), true);
  const turn = chat.render(messages.slice(0, last + 1), false);
  const at = turn.lastIndexOf(content);
  if (at < 0) throw new Error("the chat template does not render the assistant's answer");
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
