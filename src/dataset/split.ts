/** The held-out split: which examples are kept away from training to measure what was learnt. */

import { permutation, STREAM } from '../core/random';

export interface Split {
  /** Indices of the examples, ascending. */
  readonly train: Uint32Array;
  readonly heldOut: Uint32Array;
}

/** How many of `count` examples are held out: at least one, and never all, as soon as there are two. */
export function heldOutCount(count: number, ratio: number): number {
  if (ratio <= 0 || count < 2) return 0;
  return Math.min(count - 1, Math.max(1, Math.round(ratio * count)));
}

/** Splits 0..count-1 by seed: the same for the same (count, ratio, seed). */
export function splitIndices(count: number, ratio: number, seed: number): Split {
  const order = permutation(count, seed, 0, STREAM.split);
  const held = heldOutCount(count, ratio);
  return { train: order.slice(held).sort(), heldOut: order.slice(0, held).sort() };
}
