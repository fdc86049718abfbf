/** How long a plan takes in proportion to others, from its operations and its memory traffic. */

import { costOf } from './node';
import type { Plan } from './plan';

/**
 * Work of one run in floating-point operations: each node takes the longer one of its arithmetic and its memory traffic (the roofline
 * model, doi 10.1145/1498765.1498785) on a device that computes `flopsPerByte` operations while it moves one byte.
 */
export function workOf({ nodes }: Plan, flopsPerByte: number): number {
  const works = nodes.map((node) => {
    const { flops, bytes } = costOf(node);
    return Math.max(flops, flopsPerByte * bytes);
  });
  return works.reduce((sum, work) => sum + work, 0);
}
