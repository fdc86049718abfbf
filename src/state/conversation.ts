/**
 * A conversation with base and tuned model: both get the same messages of the user, and each reads its own answers. The base may answer a
 * second time, prompted with examples of the training data as earlier turns. Pure.
 */

import type { GenerateResult, Message, RunShot } from '../../workers/api';

export const SIDES = ['base', 'tuned'] as const;
export type Side = (typeof SIDES)[number] | 'prompted';

/** An answer; `result` is there when it is complete. */
export interface Answer {
  readonly text: string;
  readonly result: GenerateResult | null;
  /** What the model read, where it is a conversation: ends with the user's message. */
  readonly prompt?: readonly Message[];
  /** Lines of the examples that the base was prompted with. */
  readonly lines?: readonly number[];
}

/** A message of the user and the answers to it; null while a model has not begun. */
export interface Turn extends Readonly<Record<(typeof SIDES)[number], Answer | null>> {
  readonly prompt: string;
  /** Of the base with examples; absent where it was not asked. */
  readonly prompted?: Answer | null;
}

/** What the model of `side` reads before it answers `prompt`; the examples come before what was said. */
export function messagesFor(
  side: Side,
  before: readonly Turn[],
  prompt: string,
  system: string,
  shots: readonly RunShot[] = [],
): readonly Message[] {
  const first: readonly Message[] = system.trim() === '' ? [] : [{ role: 'system', content: system }];
  const said = before.flatMap((turn): Message[] => [
    { role: 'user', content: turn.prompt },
    { role: 'assistant', content: turn[side]?.text ?? '' },
  ]);
  const examples = shots.flatMap(({ messages }) => messages);
  return [...first, ...examples, ...said, { role: 'user', content: prompt }];
}

/** The base with examples can answer after these turns: it has answered them all. */
export function isPrompted(before: readonly Turn[]): boolean {
  return before.every(({ prompted }) => prompted?.result !== undefined && prompted.result !== null);
}

/** The turns with another answer of `side` in the last one. */
export function withAnswer(turns: readonly Turn[], side: Side, answer: Answer): readonly Turn[] {
  return turns.map((turn, i) => (i === turns.length - 1 ? { ...turn, [side]: answer } : turn));
}

/** Tokens of the longer of both conversations, and how many there may be; null until a model has answered. */
export function lengthOf(turn: Turn | null): { readonly tokens: number; readonly context: number } | null {
  const results = SIDES.flatMap((side) => turn?.[side]?.result ?? []);
  const [first] = results;
  if (first === undefined) return null;
  const { context } = first;
  // The last token of an answer that fills the model is written, but not read.
  return { tokens: Math.min(context, Math.max(...results.map(({ promptIds, ids }) => promptIds.length + ids.length))), context };
}

/** One of both conversations has as many tokens as the model can read. */
export function isFull(turn: Turn): boolean {
  const length = lengthOf(turn);
  return length !== null && length.tokens >= length.context;
}
