/** The held-out split: examples that are not trained on, to measure generalisation. */

import { permutation, STREAM } from '../core/random';

export interface Split {
  /** Indices of the examples, ascending. */
  readonly train: Uint32Array;
  readonly heldOut: Uint32Array;
}

/** How many of `count` examples are held out. With two examples or more: at least one, and never all. */
export function heldOutCount(count: number, ratio: number): number {
  if (ratio <= 0 || count < 2) return 0;
  return Math.min(count - 1, Math.max(1, Math.round(ratio * count)));
}

/** Splits 0..count-1 at random: a pure function of (count, ratio, seed). */
export function splitIndices(count: number, ratio: number, seed: number): Split {
  const order = permutation(count, seed, 0, STREAM.split);
  const held = heldOutCount(count, ratio);
  return { train: order.slice(held).sort(), heldOut: order.slice(0, held).sort() };
}
