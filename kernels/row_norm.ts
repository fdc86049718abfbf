/** The L2 norm of rows, or its reciprocal: the norms of DoRA's weights. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import { bindRange, rowRanges, type ItemRange } from './lib/binding-ranges';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, linearGrid, read, write } from './lib/launch';
import { launchOf, perRun, place } from './lib/processor';
import { f32Spec, isF32, matrixOf, misfit } from './lib/rule';
import { defineOp, type Builder, type Dispatch, type Operand, type Target, type Value } from './op';
import source from './row_norm.wgsl?raw';

/** Invocations per workgroup, and the most that share a row. A CPU pays for every barrier between them. */
const GROUP = { gpu: 256, cpu: 64 };
const MAX_LANES = { gpu: 64, cpu: 4 };

export interface RowNormAttrs {
  readonly reciprocal: boolean;
}

/**
 * y [M] = √Σx² by row, or its reciprocal, for x f32 [M, N] without a row of zeros. It counts as a constant in derivatives (Liu et al., arXiv
 * 2402.09353, section 4.3), so its gradient is none.
 */
export const rowNormOp = defineOp<RowNormAttrs>()({
  name: 'row_norm',
  inputs: ['x'],
  outputs: ['y'],
  infer(inputs) {
    const [M, N] = matrixOf(inputs.x) ?? [0, 0];
    if (M * N === 0 || !isF32(inputs.x, [M, N])) throw misfit('row_norm', inputs, 'x f32[M, N]');
    return { y: f32Spec([M]) };
  },
  gradient: () => ({ x: null }),
  twin({ x }, { reciprocal }) {
    const sum = tf.sum(tf.square(x), 1);
    return { y: reciprocal ? tf.rsqrt(sum) : tf.sqrt(sum) };
  },
  cost: (use) => ({ flops: 2 * sizeOf(use.inputs.x.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x }, outputs: { y } }, { reciprocal }, target) {
    const [rows = 0, width = 0] = x.shape;
    const ranges = rowRanges(rows, 4 * width, target.maxBindingBytes);
    return { scratch: [], dispatches: ranges.map((range) => dispatch(x, y, range, reciprocal, target)) };
  },
  processor({ inputs: { x }, outputs: { y } }, { reciprocal }) {
    const [rows = 0, width = 0] = x.shape;
    return launchOf(perRun('row_norm', rows, [place(x), place(y), reciprocal, width]));
  },
});

function dispatch(x: Operand, y: Operand, range: ItemRange, RECIPROCAL: boolean, target: Target): Dispatch {
  const [, width = 0] = x.shape;
  const VECTOR = width % 4 === 0;
  const WIDTH = VECTOR ? width / 4 : width;
  const kind = target.software ? 'cpu' : 'gpu';
  const LANES = Math.min(MAX_LANES[kind], 2 ** Math.floor(Math.log2(WIDTH)));
  const RUNS = GROUP[kind] / LANES;
  const { workgroups, stride } = linearGrid(range.count, RUNS);
  const constants = {
    ...laneConstants(target, LANES, GROUP[kind]),
    VECTOR,
    WIDTH,
    RUNS,
    RECIPROCAL,
    COUNT: range.count,
    GRID: stride,
  };
  const bindings = [bindRange(read(x), range, 4 * width), bindRange(write(y), range, 4)];
  return { shader: specialise('row_norm', withLanes(source), 'main', constants), workgroups, bindings };
}

/** √Σx² [M] of the rows of x [M, N], or its reciprocal; a constant in derivatives. */
export function rowNorm(builder: Builder, x: Value, attrs: RowNormAttrs): Value {
  return builder.apply(rowNormOp, { x }, attrs).y;
}
