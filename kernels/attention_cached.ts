/** Attention of new tokens to a cache of keys and values, for decoding. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape } from '../src/core/shape';
import { f32, specialise } from '../src/gpu/shader';
import source from './attention_cached.wgsl?raw';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, readInput, required, specBytes, writeOutput } from './lib/launch';
import type { Builder, Op, Spec, Value } from './op';
import { matrixOf, misfit, only } from './lib/rule';
import { product } from './lib/twin';

export interface CachedAttentionAttrs {
  readonly heads: number;
  /** Divides `heads`. */
  readonly kvHeads: number;
  /** Even. */
  readonly headSize: number;
  readonly scale: number;
  /** How many positions a query sees, its own included; 0: all before it. */
  readonly window: number;
  /** Rows of the cache that a sequence has at most: for the cost alone, which counts all of them. */
  readonly reach: number;
}

/**
 * [q [M, H·D], cacheK f16 [P, Hkv·D], cacheV f16 [P, Hkv·D], rows i32[M], positions i32[M]] → [o [M, H·D]]. Query m sits in row
 * rows[m] of the cache, positions[m] rows after the first of its sequence, and sees its sequence up to its own row, the last `window`
 * of them if there is a window. A query with a row below 0 belongs to no sequence, and gives zeros.
 */
export const attentionCachedOp: Op<CachedAttentionAttrs> = {
  name: 'attention_cached',
  infer(inputs, attrs) {
    const tokens = tokensOf(inputs, attrs);
    return [{ shape: [tokens, attrs.heads * attrs.headSize], dtype: 'f32' }];
  },
  gradient: null,
  twin(inputs, attrs) {
    const q = required(inputs, 0, 'q');
    const rows = required(inputs, 3, 'rows').dataSync();
    const positions = required(inputs, 4, 'positions').dataSync();
    const [, width = 0] = q.shape;
    const parts = runsOf(rows, positions).map((run) => {
      const { from, count, first, seen } = run;
      if (seen === 0) return tf.zeros([count, width]);
      const cached = [1, 2].map((i) => tf.slice(required(inputs, i, 'cache'), [first, 0], [seen, -1]));
      const own = positions.slice(from, from + count);
      return attend(tf.slice(q, [from, 0], [count, width]), required(cached, 0, 'k'), required(cached, 1, 'v'), own, attrs);
    });
    return [tf.concat(parts, 0)];
  },
  cost(use, { heads, headSize, window, reach }) {
    const [tokens = 0] = required(use.outputs, 0, 'o').shape;
    const seen = window > 0 ? Math.min(window, reach) : reach;
    const cache = required(use.inputs, 1, 'cacheK');
    const [rows = 1] = cache.shape;
    // At most a sequence for each query; keys and values.
    const unseen = 2 * specBytes(cache) * (1 - Math.min(tokens * seen, rows) / rows);
    return { flops: 4 * tokens * seen * heads * headSize, bytes: bytesOf(use) - unseen };
  },
  launch(use, { heads, kvHeads, headSize, scale, window }, target) {
    const [tokens = 0] = required(use.outputs, 0, 'o').shape;
    const lanes = Math.min(THREADS, 2 ** Math.ceil(Math.log2(headSize / 2)));
    const constants = {
      ...laneConstants(target, THREADS, THREADS),
      ...{ HEADS: heads, KV_HEADS: kvHeads, HEAD_SIZE: headSize, SCALE: f32(scale), WINDOW: window },
      ...{ WIDE_KEYS: headSize % 8 === 0, WORDS_EACH: Math.ceil(headSize / 2 / THREADS) },
      ...{ LANES_V: lanes, GROUPS: THREADS / lanes, SHARED: lanes < THREADS },
    };
    const shader = specialise('attention_cached', withLanes(source), 'main', constants);
    const bindings = [...[0, 1, 2, 3, 4].map((i) => readInput(i)), writeOutput(0)];
    return { scratch: [], dispatches: [{ shader, bindings, workgroups: [heads, tokens, 1] }] };
  },
};

/** Of a workgroup; keys that are scored side by side. */
const THREADS = 64;

/** M, after checking the inputs. */
function tokensOf(inputs: readonly (Spec | null)[], { heads, kvHeads, headSize }: CachedAttentionAttrs): number {
  const [q, k, v, rows, positions] = inputs;
  const [tokens = 0, width] = matrixOf(q) ?? [];
  const [, cacheWidth] = matrixOf(k) ?? [];
  const fits =
    width === heads * headSize &&
    heads % kvHeads === 0 &&
    headSize % 2 === 0 &&
    cacheWidth === kvHeads * headSize &&
    sameShape(k?.shape ?? [], v?.shape ?? []) &&
    [rows, positions].every((spec) => spec?.dtype === 'i32' && sameShape(spec.shape, [tokens])) &&
    q?.dtype === 'f32' &&
    k?.dtype === 'f16' &&
    v?.dtype === 'f16';
  if (!fits)
    throw misfit(
      'attention_cached',
      inputs,
      `q f32[M, ${heads * headSize}], cacheK and cacheV f16[P, ${kvHeads * headSize}], rows and positions i32[M], an even head size, heads in groups of ${heads / kvHeads}`,
    );
  return tokens;
}

/** Queries that follow each other in one sequence: their place in q, and the rows of the cache that they see between them. */
interface Run {
  readonly from: number;
  readonly count: number;
  readonly first: number;
  /** 0 for queries of no sequence. */
  readonly seen: number;
}

function runsOf(rows: ArrayLike<number>, positions: ArrayLike<number>): Run[] {
  const runs: Run[] = [];
  Array.from(rows).forEach((row, m) => {
    const position = positions[m] ?? 0;
    const [first, seen] = row < 0 ? [-1, 0] : [row - position, position + 1];
    const last = runs.at(-1);
    if (last?.first === first) runs.splice(-1, 1, { ...last, count: last.count + 1, seen: Math.max(last.seen, seen) });
    else runs.push({ from: m, count: 1, first, seen });
  });
  return runs;
}

/** Queries q [N, H·D] at positions `own` over the keys and values [S, Hkv·D] of their sequence. */
function attend(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  own: ArrayLike<number>,
  { heads, kvHeads, headSize, scale, window }: CachedAttentionAttrs,
): tf.Tensor {
  const [seen = 0] = k.shape;
  const split = (x: tf.Tensor, count: number) =>
    tf.transpose(tf.reshape(x, [x.size / (count * headSize), count, headSize]), [1, 0, 2]);
  const repeated = (x: tf.Tensor) =>
    tf.reshape(tf.tile(tf.expandDims(split(x, kvHeads), 1), [1, heads / kvHeads, 1, 1]), [heads, seen, headSize]);
  const scores = tf.mul(product(split(q, heads), repeated(k), false, true), scale);
  const at = tf.tensor3d(Float32Array.from(own), [1, own.length, 1]);
  const positions = tf.reshape(tf.range(0, seen), [1, 1, seen]);
  const later = tf.greater(positions, at);
  const past = tf.lessEqual(positions, tf.sub(at, window > 0 ? window : seen));
  const hidden = tf.cast(tf.logicalOr(later, past), 'float32');
  const o = product(tf.softmax(tf.add(scores, tf.mul(hidden, -1e30))), repeated(v));
  return tf.reshape(tf.transpose(o, [1, 0, 2]), q.shape);
}

export interface CachedAttentionInputs {
  readonly q: Value;
  readonly cacheK: Value;
  readonly cacheV: Value;
  readonly rows: Value;
  readonly positions: Value;
}

/** o of the queries over the cache; see the op for the shapes. */
export function attentionCached(builder: Builder, inputs: CachedAttentionInputs, attrs: CachedAttentionAttrs): Value {
  const { q, cacheK, cacheV, rows, positions } = inputs;
  return only(builder.apply(attentionCachedOp, [q, cacheK, cacheV, rows, positions], attrs));
}
