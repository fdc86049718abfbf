/** Writing new keys or values into a cache. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape, sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import source from './cache_write.wgsl?raw';
import { linearGrid, readInput, required, specBytes, writeOutput } from './launch';
import type { Builder, Op, Value } from './op';
import { matrixOf, misfit, only } from './rule';

/** [cache [P, W], x [M, W] f32, start i32[1]] → cache, in place: its row start+m becomes row m of x; rows ≥ P are dropped. */
export const cacheWriteOp: Op = {
  name: 'cache_write',
  updates: [0],
  infer(inputs) {
    const [cache, x, start] = inputs;
    const width = matrixOf(cache)?.[1];
    const typed = cache?.dtype === 'f32' && x?.dtype === 'f32' && start?.dtype === 'i32';
    if (!typed || width === undefined || matrixOf(x)?.[1] !== width || !sameShape(start.shape, [1]))
      throw misfit('cache_write', inputs, 'f32[P, W], f32[M, W] and i32[1]');
    return [{ shape: cache.shape, dtype: 'f32' }];
  },
  gradient: null,
  twin(inputs) {
    const cache = required(inputs, 0, 'cache');
    const x = required(inputs, 1, 'x');
    const [rows = 0, width = 0] = cache.shape;
    const [start = 0] = required(inputs, 2, 'start').dataSync();
    const first = Math.min(rows, start);
    const end = Math.min(rows, first + x.size / width);
    const part = (of: tf.Tensor, from: number, to: number) => tf.slice(of, [from, 0], [to - from, width]);
    return [tf.concat([part(cache, 0, first), part(x, 0, end - first), part(cache, end, rows)], 0)];
  },
  cost: (use) => ({ flops: 0, bytes: 2 * specBytes(required(use.inputs, 1, 'x')) }),
  launch(use) {
    const [CACHE_ROWS = 0, width = 0] = required(use.outputs, 0, 'cache').shape;
    const VECTOR = width % 4 === 0;
    const WIDTH = VECTOR ? width / 4 : width;
    const COUNT = sizeOf(required(use.inputs, 1, 'x').shape) / (VECTOR ? 4 : 1);
    const { workgroups, stride } = linearGrid(COUNT, 64);
    const shader = specialise('cache_write', source, 'main', { VECTOR, WIDTH, COUNT, CACHE_ROWS, GRID: stride });
    return { scratch: [], dispatches: [{ shader, workgroups, bindings: [writeOutput(0), readInput(1), readInput(2)] }] };
  },
};

/** Puts the rows of x into `cache` from row `start` (an i32[1]) on, in place. */
export function cacheWrite(builder: Builder, cache: Value, x: Value, start: Value): Value {
  return only(builder.apply(cacheWriteOp, [cache, x, start], {}));
}
