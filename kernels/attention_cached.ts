/** Attention of new tokens over a cache of keys and values, for decoding. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape } from '../src/core/shape';
import { f32, specialise } from '../src/gpu/shader';
import source from './attention_cached.wgsl?raw';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, read, specBytes, write } from './lib/launch';
import type { Named } from './lib/named';
import { launchOf, place, rawPlace } from './lib/processor';
import { f32Spec, isF32, isI32, matrixOf, misfit } from './lib/rule';
import { cappedTwin, softcapConstants, withSoftcap } from './lib/softcap';
import { product } from './lib/twin';
import { defineOp, type Builder, type Spec, type Value } from './op';

export interface CachedAttentionAttrs {
  readonly heads: number;
  /** Divides `heads`. */
  readonly kvHeads: number;
  /** Even. */
  readonly headSize: number;
  readonly scale: number;
  /** The scaled scores s become softcap·tanh(s/softcap). */
  readonly softcap?: number;
  /** The number of positions that a query sees, its own included; 0: all before it. */
  readonly window: number;
  /** The most rows of the cache that a sequence has. Only used for the cost, which assumes all of them. */
  readonly reach: number;
}

const INPUTS = ['q', 'cacheK', 'cacheV', 'rows', 'positions'] as const;

/**
 * q f32 [M, H·D], cacheK and cacheV f16 [P, Hkv·D], rows and positions i32 [M] → o [M, H·D]. Query m is in row rows[m] of the cache,
 * positions[m] rows after the first of its sequence. It sees its sequence up to its own row, or the last `window` rows of that. A query
 * with a negative row belongs to no sequence and gives zeros.
 */
export const attentionCachedOp = defineOp<CachedAttentionAttrs>()({
  name: 'attention_cached',
  inputs: INPUTS,
  outputs: ['o'],
  infer: (inputs, attrs) => ({ o: f32Spec([tokensOf(inputs, attrs), attrs.heads * attrs.headSize]) }),
  gradient: null,
  twin({ q, cacheK, cacheV, rows, positions }, attrs) {
    const all = positions.dataSync();
    const [, width = 0] = q.shape;
    const parts = runsOf(rows.dataSync(), all).map(({ from, count, first, seen }) => {
      if (seen === 0) return tf.zeros([count, width]);
      const cached = (cache: tf.Tensor) => tf.slice(cache, [first, 0], [seen, -1]);
      const queries = tf.slice(q, [from, 0], [count, width]);
      return attend(queries, cached(cacheK), cached(cacheV), all.slice(from, from + count), attrs);
    });
    return { o: tf.concat(parts, 0) };
  },
  cost(use, { heads, headSize, window, reach }) {
    const [tokens = 0] = use.outputs.o.shape;
    const seen = window > 0 ? Math.min(window, reach) : reach;
    const { cacheK } = use.inputs;
    const [rows = 1] = cacheK.shape;
    // Assumes a sequence per query. Keys and values.
    const unseen = 2 * specBytes(cacheK) * (1 - Math.min(tokens * seen, rows) / rows);
    return { flops: 4 * tokens * seen * heads * headSize, bytes: bytesOf(use) - unseen };
  },
  launch({ inputs, outputs: { o } }, { heads, kvHeads, headSize, scale, softcap, window }, target) {
    const [tokens = 0] = o.shape;
    const lanes = Math.min(THREADS, 2 ** Math.ceil(Math.log2(headSize / 2)));
    const constants = {
      ...laneConstants(target, THREADS, THREADS),
      ...{ HEADS: heads, KV_HEADS: kvHeads, HEAD_SIZE: headSize, SCALE: f32(scale), WINDOW: window },
      ...softcapConstants(softcap),
      ...{ WIDE_KEYS: headSize % 8 === 0, WORDS_EACH: Math.ceil(headSize / 2 / THREADS) },
      ...{ LANES_V: lanes, GROUPS: THREADS / lanes, SHARED: lanes < THREADS },
    };
    const shader = specialise('attention_cached', withSoftcap(withLanes(source), 'f32'), 'main', constants);
    const { q, cacheK, cacheV, rows, positions } = inputs;
    const bindings = [...[q, cacheK, cacheV, rows, positions].map((input) => read(input)), write(o)];
    return { scratch: [], dispatches: [{ shader, bindings, workgroups: [heads, tokens, 1] }] };
  },
  processor({ inputs, outputs: { o } }, { heads, kvHeads, headSize, scale, softcap = 0, window }) {
    const { q, cacheK, cacheV, rows, positions } = inputs;
    const buffers = [place(q), rawPlace(cacheK), rawPlace(cacheV), ...[rows, positions, o].map((operand) => place(operand))];
    const args = [...buffers, heads, kvHeads, headSize, { f32: scale }, { f32: softcap }, window];
    return launchOf({ kernel: 'attention_cached', units: heads * (o.shape[0] ?? 0), args });
  },
});

/** Invocations per workgroup, and keys that are scored at a time. */
const THREADS = 64;

/** M, after checking the inputs. */
function tokensOf(inputs: Named<typeof INPUTS, Spec>, { heads, kvHeads, headSize }: CachedAttentionAttrs): number {
  const { q, cacheK, cacheV, rows, positions } = inputs;
  const [tokens = 0] = q.shape;
  const caches = [cacheK, cacheV].every(({ dtype }) => dtype === 'f16') && sameShape(cacheK.shape, cacheV.shape);
  const fits =
    isF32(q, [tokens, heads * headSize]) &&
    caches &&
    matrixOf(cacheK)?.[1] === kvHeads * headSize &&
    isI32(rows, [tokens]) &&
    isI32(positions, [tokens]) &&
    heads % kvHeads === 0 &&
    headSize % 2 === 0;
  if (!fits)
    throw misfit(
      'attention_cached',
      inputs,
      `q f32[M, ${heads * headSize}], cacheK and cacheV f16[P, ${kvHeads * headSize}], rows and positions i32[M], an even head size (${headSize}), and heads (${heads}) that are a multiple of key/value heads (${kvHeads})`,
    );
  return tokens;
}

/** Consecutive queries of one sequence: their position in q, and the rows of the cache that they see. */
interface Run {
  readonly from: number;
  readonly count: number;
  readonly first: number;
  /** 0 for queries without a sequence. */
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
  { heads, kvHeads, headSize, scale, softcap, window }: CachedAttentionAttrs,
): tf.Tensor {
  const [seen = 0] = k.shape;
  const split = (x: tf.Tensor, count: number) =>
    tf.transpose(tf.reshape(x, [x.size / (count * headSize), count, headSize]), [1, 0, 2]);
  const repeated = (x: tf.Tensor) =>
    tf.reshape(tf.tile(tf.expandDims(split(x, kvHeads), 1), [1, heads / kvHeads, 1, 1]), [heads, seen, headSize]);
  const scores = cappedTwin(tf.mul(product(split(q, heads), repeated(k), false, true), scale), softcap);
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

/** Attention of the queries over the cache; see the op for the shapes. */
export function attentionCached(builder: Builder, inputs: CachedAttentionInputs, attrs: CachedAttentionAttrs): Value {
  return builder.apply(attentionCachedOp, inputs, attrs).o;
}
