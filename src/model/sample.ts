/** Samples the next token from logits. */

import { STREAM, uniform } from '../core/random';

export interface Sampling {
  /** 0: the most probable token (greedy). */
  readonly temperature: number;
  /** Samples from the smallest set of most probable tokens whose probabilities sum to at least this (nucleus, arXiv 1904.09751). */
  readonly topP: number;
  readonly seed: number;
}

/** Samples a token from `logits` [V]: a pure function of (logits, settings, position). */
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

/** The first index of the largest number. */
function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? -Infinity) > (values[best] ?? -Infinity)) best = i;
  return best;
}

/** Tokens by descending probability, ties by id. */
function rank(logits: ArrayLike<number>, temperature: number): { token: number; probability: number }[] {
  const top = logits[argmax(logits)] ?? 0;
  const ranked = Array.from(logits, (logit, token) => ({ token, probability: Math.exp((logit - top) / temperature) }));
  const total = ranked.reduce((sum, { probability }) => sum + probability, 0);
  for (const entry of ranked) entry.probability /= total;
  return ranked.sort((a, b) => b.probability - a.probability || a.token - b.token);
}
