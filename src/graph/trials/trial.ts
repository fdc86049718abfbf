/** The contract of trials, and what they share. */

import type { Value } from '../../../kernels/op';
import type { Bench, Figures } from '../kernel-bench';

export interface Trial {
  readonly name: string;
  /** Appends the kernels to the program, and returns the results to compare. */
  readonly build: (bench: Bench) => readonly Value[];
  /** Of each result. */
  readonly expected: readonly Figures[];
}

/** The numbers of `of` for 0 to `count` − 1. */
export function range(count: number, of: (i: number) => number): number[] {
  return Array.from({ length: count }, (_, i) => of(i));
}

/** Sizes that trials share: rows and tokens of a batch, heads, and the widths of queries and keys. */
export const ROWS = 2;
export const TOKENS = 20;
export const M = ROWS * TOKENS;
export const HEADS = { heads: 4, kvHeads: 2, headSize: 16, scale: 0.25, window: 0 };
export const WIDTH = HEADS.heads * HEADS.headSize;
export const KV_WIDTH = HEADS.kvHeads * HEADS.headSize;
