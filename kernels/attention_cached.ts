/** Attention of new tokens to a cache of keys and values, for decoding. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape } from '../src/core/shape';
import { f32, specialise } from '../src/gpu/shader';
import source from './attention_cached.wgsl?raw';
import { bytesOf, readInput, required, writeOutput } from './launch';
import type { Builder, Op, Spec, Value } from './op';
import { matrixOf, misfit, only } from './rule';
import { product } from './twin';

export interface CachedAttentionAttrs {
  readonly heads: number;
  /** Divides `heads`. */
  readonly kvHeads: number;
  readonly headSize: number;
  readonly scale: number;
  /** How many positions a query sees, its own included; 0: all before it. */
  readonly window: number;
}

/**
 * [q [M, H·D], cacheK [P, Hkv·D], cacheV [P, Hkv·D], start i32[1]] → [o [M, H·D]]. Query m sits at position start + m and sees the
 * cache's rows up to its own, the last `window` of them if there is a window.
 */
export const attentionCachedOp: Op<CachedAttentionAttrs> = {
  name: 'attention_cached',
  infer(inputs, attrs) {
    const [tokens] = sizesOf(inputs, attrs);
    return [{ shape: [tokens, attrs.heads * attrs.headSize], dtype: 'f32' }];
  },
  gradient: null,
  twin(inputs, { heads, kvHeads, headSize, scale, window }) {
    const q = required(inputs, 0, 'q');
    const [tokens = 0] = q.shape;
    const [start = 0] = required(inputs, 3, 'start').dataSync();
    const [rows = 0] = required(inputs, 1, 'cacheK').shape;
    const seen = Math.min(start + tokens, rows);
    const split = (x: tf.Tensor, count: number) =>
      tf.transpose(tf.reshape(x, [x.size / (count * headSize), count, headSize]), [1, 0, 2]);
    const cached = (index: number) => {
      const kept = tf.slice(required(inputs, index, 'cache'), [0, 0], [seen, kvHeads * headSize]);
      const repeated = tf.tile(tf.expandDims(split(kept, kvHeads), 1), [1, heads / kvHeads, 1, 1]);
      return tf.reshape(repeated, [heads, seen, headSize]);
    };
    const scores = tf.mul(product(split(q, heads), cached(1), false, true), scale);
    const own = tf.reshape(tf.range(start, start + tokens), [1, tokens, 1]);
    const positions = tf.reshape(tf.range(0, seen), [1, 1, seen]);
    const later = tf.greater(positions, own);
    const past = tf.lessEqual(positions, tf.sub(own, window > 0 ? window : start + tokens));
    const hidden = tf.cast(tf.logicalOr(later, past), 'float32');
    const o = product(tf.softmax(tf.add(scores, tf.mul(hidden, -1e30))), cached(2));
    return [tf.reshape(tf.transpose(o, [1, 0, 2]), [tokens, heads * headSize])];
  },
  cost(use, { heads, headSize, window }) {
    const [tokens = 0] = required(use.outputs, 0, 'o').shape;
    const [rows = 0] = required(use.inputs, 1, 'cacheK').shape;
    const seen = window > 0 ? Math.min(window, rows) : rows;
    return { flops: 4 * tokens * seen * heads * headSize, bytes: bytesOf(use) };
  },
  launch(use, { heads, kvHeads, headSize, scale, window }) {
    const [tokens = 0] = required(use.outputs, 0, 'o').shape;
    const [rows = 0] = required(use.inputs, 1, 'cacheK').shape;
    const constants = {
      ...{ HEADS: heads, KV_HEADS: kvHeads, HEAD_SIZE: headSize, CACHE_ROWS: rows },
      ...{ SCALE: f32(scale), SPAN: Math.ceil(headSize / 64), WINDOW: window },
    };
    const shader = specialise('attention_cached', source, 'main', constants);
    const bindings = [readInput(0), readInput(1), readInput(2), readInput(3), writeOutput(0)];
    return { scratch: [], dispatches: [{ shader, bindings, workgroups: [heads, tokens, 1] }] };
  },
};

/** [M, P]. */
function sizesOf(inputs: readonly (Spec | null)[], attrs: CachedAttentionAttrs): readonly [number, number] {
  const { heads, kvHeads, headSize } = attrs;
  const [q, cacheK, cacheV, start] = inputs;
  const [tokens = 0, width] = matrixOf(q) ?? [];
  const [rows = 0, cacheWidth] = matrixOf(cacheK) ?? [];
  const typed = [q, cacheK, cacheV].every((spec) => spec?.dtype === 'f32') && start?.dtype === 'i32';
  const sized = width === heads * headSize && cacheWidth === kvHeads * headSize && heads % kvHeads === 0;
  const alike = cacheK && cacheV && sameShape(cacheK.shape, cacheV.shape) && sameShape(start?.shape ?? [], [1]);
  if (!typed || !sized || !alike)
    throw misfit('attention_cached', inputs, `f32[M, ${heads * headSize}], two f32[P, ${kvHeads * headSize}], i32[1]`);
  return [tokens, rows];
}

/** o [M, H·D] of queries that begin at position `start` of the cache. */
export function attentionCached(
  builder: Builder,
  { q, cacheK, cacheV, start }: { readonly q: Value; readonly cacheK: Value; readonly cacheV: Value; readonly start: Value },
  attrs: CachedAttentionAttrs,
): Value {
  return only(builder.apply(attentionCachedOp, [q, cacheK, cacheV, start], attrs));
}
