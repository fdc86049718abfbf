/**
 * Rendered conversations in spans: what the assistant writes, and the rest. The last answer follows the prompt that generation would
 * begin with, and earlier answers are found in this prompt, so that training and generation see the same text.
 */

import type { Message } from '../dataset/types';
import { RenderedChat, type Range } from './rendered-chat';
import { continued } from './reasoning';
import type { Renderer } from './template';

/** A part of the rendered text. The spans of a conversation, joined, are the text. */
export interface Span {
  readonly text: string;
  /** The loss counts it: an answer with its end-of-turn token, of a turn whose weight is not 0. */
  readonly trained: boolean;
}

/** Of the answers of a conversation, or of many: */
export interface AnswerCounts {
  /** Those that the template shows in part: without their reasoning, for example. The rest is trained. */
  readonly partial: number;
  /** Those that the template does not show, so that nothing of them is trained. */
  readonly lost: number;
  /** Those without reasoning, which follow an empty block of it because the template opens one before each answer. */
  readonly unreasoned: number;
}

export interface ChatSpans {
  readonly spans: readonly Span[];
  readonly answers: AnswerCounts;
}

/** Whether a turn is one that the model learns to write. */
export const isTrained = ({ role, weight }: Message): boolean => role === 'assistant' && weight !== 0;

/** The prompt for the assistant's next turn. Throws what the template raises. */
export function promptSpans(chat: Renderer, messages: readonly Message[], stops: readonly string[]): readonly Span[] {
  return earlier(new RenderedChat(chat, messages, stops, true), messages).spans;
}

/** A conversation to train on. Throws what the template raises, and when it does not show the last answer of a conversation that ends with one. */
export function chatSpans(chat: Renderer, messages: readonly Message[], stops: readonly string[]): ChatSpans {
  const last = messages.at(-1);
  const whole = new RenderedChat(chat, messages, stops, false);
  if (last?.role !== 'assistant') return earlier(whole, messages);
  const before = messages.slice(0, -1);
  const found = whole.answer(before.length);
  if (found === null) throw new Error("the chat template does not render the assistant's answer");
  const [from, to] = found.range;
  const text = whole.text.slice(from, to);
  const tail = { text: whole.text.slice(to), trained: false };
  // Nothing is generated without a prompt: an answer that begins a conversation stands where the template puts it.
  if (before.length === 0 || found.prompt === null) {
    const head = cut(whole.text.slice(0, from), []);
    return joined({ spans: head, answers: NO_ANSWERS }, { text, complete: found.complete, unreasoned: false }, last, tail);
  }
  const head = earlier(new RenderedChat(chat, before, stops, true), before);
  const answer = found.follows ? { text, unreasoned: false } : continued(found.prompt, text, last.content);
  return joined(head, { ...answer, complete: found.complete || found.shows(answer.text) }, last, tail);
}

export const NO_ANSWERS: AnswerCounts = { partial: 0, lost: 0, unreasoned: 0 };

export const addCounts = (a: AnswerCounts, b: AnswerCounts): AnswerCounts => ({
  partial: a.partial + b.partial,
  lost: a.lost + b.lost,
  unreasoned: a.unreasoned + b.unreasoned,
});

/** Counts of all from those of a part. */
export const scaledCounts = (counts: AnswerCounts, factor: number): AnswerCounts => ({
  partial: Math.round(counts.partial * factor),
  lost: Math.round(counts.lost * factor),
  unreasoned: Math.round(counts.unreasoned * factor),
});

interface LastAnswer {
  readonly text: string;
  readonly complete: boolean;
  readonly unreasoned: boolean;
}

function joined(head: ChatSpans, answer: LastAnswer, message: Message, tail: Span): ChatSpans {
  const trained = isTrained(message);
  const count = (flag: boolean) => (trained && flag ? 1 : 0);
  const last = { partial: count(!answer.complete), lost: 0, unreasoned: count(answer.unreasoned) };
  const spans = [...head.spans, { text: answer.text, trained }, tail].filter(({ text }) => text !== '');
  return { spans, answers: addCounts(head.answers, last) };
}

/** The text of a rendering with the answers in it. */
function earlier(rendered: RenderedChat, messages: readonly Message[]): ChatSpans {
  const found = messages.flatMap((message, i) => (message.role === 'assistant' ? [{ message, answer: rendered.answer(i) }] : []));
  const ranges = found.flatMap(({ message, answer }) =>
    answer === null ? [] : [{ range: answer.range, trained: isTrained(message) }],
  );
  const learnt = found.filter(({ message }) => isTrained(message));
  const partial = learnt.filter(({ answer }) => answer?.complete === false).length;
  const lost = learnt.filter(({ answer }) => answer === null).length;
  return { spans: cut(rendered.text, ranges), answers: { ...NO_ANSWERS, partial, lost } };
}

function cut(text: string, answers: readonly { readonly range: Range; readonly trained: boolean }[]): Span[] {
  const spans: Span[] = [];
  let at = 0;
  for (const { range, trained } of answers) {
    const [from, to] = [Math.max(at, range[0]), Math.max(at, range[1])];
    spans.push({ text: text.slice(at, from), trained: false }, { text: text.slice(from, to), trained });
    at = to;
  }
  spans.push({ text: text.slice(at), trained: false });
  return spans.filter((span) => span.text !== '');
}
