/** Picks the next token from logits. */

import { STREAM, uniform } from '../core/random';

export interface Sampling {
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** Keeps the fewest likeliest tokens whose probabilities reach this (nucleus sampling, arXiv 1904.09751). */
  readonly topP: number;
  readonly seed: number;
}

/** The token drawn from `logits` [V] for position `position`: the same for the same seed and position. */
export function sampleToken(logits: ArrayLike<number>, { temperature, topP, seed }: Sampling, position: number): number {
  if (temperature <= 0) return argmax(logits);
  const ranked = rank(logits, temperature);
  let kept = 0;
  let mass = 0;
  while (kept < ranked.length && mass < topP) mass += ranked[kept++]?.probability ?? 0;
  const target = uniform(seed, position, STREAM.sample, 0) * mass;
  let reached = 0;
  const drawn = ranked.slice(0, kept).find(({ probability }) => (reached += probability) > target);
  return (drawn ?? ranked[0])?.token ?? 0;
}

/** The lowest index of the largest number. */
function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? -Infinity) > (values[best] ?? -Infinity)) best = i;
  return best;
}

/** Tokens by falling probability, ties by number. */
function rank(logits: ArrayLike<number>, temperature: number): { token: number; probability: number }[] {
  const top = logits[argmax(logits)] ?? 0;
  const ranked = Array.from(logits, (logit, token) => ({ token, probability: Math.exp((logit - top) / temperature) }));
  const total = ranked.reduce((sum, { probability }) => sum + probability, 0);
  for (const entry of ranked) entry.probability /= total;
  return ranked.sort((a, b) => b.probability - a.probability || a.token - b.token);
}
