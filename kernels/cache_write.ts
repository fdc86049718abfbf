/** Writes new keys and values to the cache that decoding attends to. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape, sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import source from './cache_write.wgsl?raw';
import { roundedToF16 } from './lib/f16-twin';
import { linearGrid, read, specBytes, write } from './lib/launch';
import { launchOf, perRun, place, rawPlace } from './lib/processor';
import { isF32, isI32, matrixOf, misfit } from './lib/rule';
import { defineOp, type Builder, type Operand, type Value } from './op';

/** The largest finite f16; larger values are clamped to it. */
const LARGEST = 65504;

/**
 * Writes row m of k and v (f32 [M, W]), rounded to f16, to row rows[m] (i32 [M]) of cacheK and cacheV (f16 [P, W]), in place. Rows
 * outside [0, P) are skipped; the others must be distinct. W is even.
 */
export const cacheWriteOp = defineOp()({
  name: 'cache_write',
  inputs: ['cacheK', 'cacheV', 'k', 'v', 'rows'],
  outputs: ['cacheK', 'cacheV'],
  updates: ['cacheK', 'cacheV'],
  infer(inputs) {
    const { cacheK, cacheV, k, v, rows } = inputs;
    const [tokens = 0, width = 1] = matrixOf(k) ?? [];
    const caches = cacheK.dtype === 'f16' && cacheV.dtype === 'f16' && sameShape(cacheK.shape, cacheV.shape);
    const written = isF32(k, [tokens, width]) && isF32(v, [tokens, width]) && isI32(rows, [tokens]);
    if (!caches || !written || matrixOf(cacheK)?.[1] !== width || width % 2 !== 0)
      throw misfit('cache_write', inputs, 'cacheK and cacheV f16[P, W], k and v f32[M, W], rows i32[M], with W even');
    return { cacheK, cacheV };
  },
  gradient: null,
  twin({ cacheK, cacheV, k, v, rows }) {
    const indices = rows.dataSync();
    return { cacheK: scatter(cacheK, k, indices), cacheV: scatter(cacheV, v, indices) };
  },
  cost: (use) => ({ flops: 0, bytes: 3 * specBytes(use.inputs.k) }),
  launch({ inputs: { k, v, rows }, outputs: { cacheK, cacheV } }) {
    const [, width = 0] = k.shape;
    const COUNT = sizeOf(k.shape) / 2;
    const { workgroups, stride } = linearGrid(COUNT, 64);
    const shader = specialise('cache_write', source, 'main', { WORDS: width / 2, COUNT, GRID: stride });
    const bindings = [write(cacheK), write(cacheV), read(k), read(v), read(rows)];
    return { scratch: [], dispatches: [{ shader, workgroups, bindings }] };
  },
  processor({ inputs: { k, v, rows }, outputs: { cacheK, cacheV } }) {
    const [count, width] = matrixOf(k) ?? [0, 0];
    const [all = 0] = cacheK.shape;
    const written = (cache: Operand, x: Operand) =>
      perRun('cache_write', count, [rawPlace(cache), place(x), place(rows), width, all]);
    return launchOf(written(cacheK, k), written(cacheV, v));
  },
});

function scatter(cache: tf.Tensor, x: tf.Tensor, rows: ArrayLike<number>): tf.Tensor {
  const [count = 0] = cache.shape;
  const written = Array.from(rows, (row, m) => [row, m] as const).filter(([row]) => row >= 0 && row < count);
  if (written.length === 0) return tf.clone(cache);
  const sources = written.map(([, m]) => m);
  const targets = tf.tensor2d(
    written.map(([row]) => [row]),
    [written.length, 1],
    'int32',
  );
  return tf.tensorScatterUpdate(cache, targets, roundedToF16(tf.clipByValue(tf.gather(x, sources), -LARGEST, LARGEST)));
}

/** Writes row m of k and v to row rows[m] (i32 [M]) of the caches. */
export function cacheWrite(
  builder: Builder,
  cache: { readonly k: Value; readonly v: Value },
  k: Value,
  v: Value,
  rows: Value,
): void {
  builder.apply(cacheWriteOp, { cacheK: cache.k, cacheV: cache.v, k, v, rows }, {});
}
