/**
 * An exponential moving average of the trained parameters: after each update it moves a share 1 − decay of the way to them. It starts
 * where they start.
 */

import type { Program } from '../graph/graph';
import type { Parameters } from '../method/parameters';
import { accumulate } from '../../kernels/accumulate';
import { add } from '../../kernels/add';
import type { Value } from '../../kernels/op';
import { unary } from '../../kernels/unary';

/** Appends average ← average + (1 − decay)·(parameters − average), for those that are trained. */
export function averageWith(program: Program, average: Parameters, parameters: Parameters, decay: number): void {
  const times = (value: Value, scale: number) => unary(program, value, { kind: 'affine', scale, shift: 0 });
  const difference = add(program, parameters.trained.flat, times(average.trained.flat, -1));
  accumulate(program, average.trained.flat, times(difference, 1 - decay));
}
