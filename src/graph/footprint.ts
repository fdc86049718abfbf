/** Bytes that compiled plans take beside what is declared. */

import { valueBytes } from './graph';
import { layOut, peakLive, share, type BytesOf, type ScratchOf } from './memory';
import type { Plan } from './plan';
import { twinBytes } from './twin-memory';

/** Temporaries, and what the twin of each node takes beside them. */
export function peakWithTwins(plan: Plan): number {
  return peakLive(plan, (node) => [twinBytes(node)]);
}

/**
 * Temporaries and scratch of plans that run one after another and share buffers. `scratchOf` and `bytesOf` give the bytes of a node's
 * scratch and of a temporary.
 */
export function sharedBytes(plans: readonly Plan[], scratchOf: ScratchOf, bytesOf: BytesOf = valueBytes): number {
  const pool: number[] = [];
  for (const plan of plans) share(pool, layOut(plan, scratchOf, bytesOf).buffers);
  return pool.reduce((sum, bytes) => sum + bytes, 0);
}

/** The staging buffers of the plans' outputs: one of each size. */
export function stagingBytes(plans: readonly Plan[]): number {
  const sizes = plans.map(({ outputs }) => outputs.reduce((sum, value) => sum + valueBytes(value), 0));
  return [...new Set(sizes)].reduce((sum, bytes) => sum + bytes, 0);
}
