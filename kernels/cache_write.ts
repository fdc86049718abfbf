/** Writing new keys and values into the cache that decoding attends to. */

import * as tf from '@tensorflow/tfjs-core';
import { f16ToF32, f32ToF16 } from '../src/core/f16';
import { sameShape, sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import source from './cache_write.wgsl?raw';
import { linearGrid, readInput, required, specBytes, writeOutput } from './lib/launch';
import type { Builder, Op, Value } from './op';
import { matrixOf, misfit } from './lib/rule';

/** The largest f16: what is larger becomes it. */
const LARGEST = 65504;

/**
 * [cacheK f16 [P, W], cacheV f16 [P, W], k f32 [M, W], v f32 [M, W], rows i32 [M]] → the caches, in place: row rows[m] becomes row m
 * of k and of v, rounded to f16. Rows outside of [0, P) are left out; the others differ. W is even.
 */
export const cacheWriteOp: Op = {
  name: 'cache_write',
  updates: [0, 1],
  infer(inputs) {
    const [cacheK, cacheV, k, v, rows] = inputs;
    const [tokens = 0, width = 1] = matrixOf(k) ?? [];
    const halves = cacheK?.dtype === 'f16' && cacheV?.dtype === 'f16' && sameShape(cacheK.shape, cacheV.shape);
    const typed = halves && k?.dtype === 'f32' && v?.dtype === 'f32' && rows?.dtype === 'i32';
    const fits = typed && sameShape(k.shape, v.shape) && matrixOf(cacheK)?.[1] === width && sameShape(rows.shape, [tokens]);
    if (!fits || width % 2 !== 0) throw misfit('cache_write', inputs, 'two of f16[P, W], two of f32[M, W] and i32[M], W even');
    return [cacheK, cacheV].map(({ shape }) => ({ shape, dtype: 'f16' }));
  },
  gradient: null,
  twin(inputs) {
    const rows = required(inputs, 4, 'rows').dataSync();
    return [0, 1].map((i) => scatter(required(inputs, i, 'cache'), required(inputs, 2 + i, 'x'), rows));
  },
  cost: (use) => ({ flops: 0, bytes: 3 * specBytes(required(use.inputs, 2, 'k')) }),
  launch(use) {
    const { shape } = required(use.inputs, 2, 'k');
    const [, width = 0] = shape;
    const COUNT = sizeOf(shape) / 2;
    const { workgroups, stride } = linearGrid(COUNT, 64);
    const shader = specialise('cache_write', source, 'main', { WORDS: width / 2, COUNT, GRID: stride });
    const bindings = [writeOutput(0), writeOutput(1), readInput(2), readInput(3), readInput(4)];
    return { scratch: [], dispatches: [{ shader, workgroups, bindings }] };
  },
};

function scatter(cache: tf.Tensor, x: tf.Tensor, rows: ArrayLike<number>): tf.Tensor {
  const [count = 0] = cache.shape;
  const kept = Array.from(rows, (row, m) => [row, m] as const).filter(([row]) => row >= 0 && row < count);
  if (kept.length === 0) return tf.clone(cache);
  const taken = tf.gather(
    x,
    kept.map(([, m]) => m),
  );
  const places = tf.tensor2d(
    kept.map(([row]) => [row]),
    [kept.length, 1],
    'int32',
  );
  return tf.tensorScatterUpdate(cache, places, halved(taken));
}

/** Each number as the nearest f16. */
function halved(x: tf.Tensor): tf.Tensor {
  const data = tf.clipByValue(x, -LARGEST, LARGEST).dataSync<'float32'>();
  return tf.tensor(f16ToF32(f32ToF16(data)), x.shape);
}

/** Puts row m of k and v into row rows[m] (i32 [M]) of the caches. */
export function cacheWrite(
  builder: Builder,
  cache: { readonly k: Value; readonly v: Value },
  k: Value,
  v: Value,
  rows: Value,
): void {
  builder.apply(cacheWriteOp, [cache.k, cache.v, k, v, rows], {});
}
