/** Attention in plain tfjs ops, with the whole matrix of scores: [rows·H, T, T]. */

import * as tf from '@tensorflow/tfjs-core';
import type { AttentionAttrs } from './attention';
import { required } from './launch';
import { product } from './twin';

type Inputs = readonly (tf.Tensor | null)[];

/** What is added to the scores of pairs that do not see each other. */
const HIDDEN = -1e30;

/** [q, k, v, segments] → [o, lse]. */
export function forwardTwin(inputs: Inputs, attrs: AttentionAttrs): tf.Tensor[] {
  const s = scores(inputs, attrs);
  const top = tf.max(s, -1, true);
  const p = tf.exp(tf.sub(s, top));
  const total = tf.sum(p, -1, true);
  const o = product(tf.div(p, total), keyHeads(required(inputs, 2, 'v'), attrs));
  return [byToken(o, attrs.rows), byToken(tf.add(top, tf.log(total)), attrs.rows)];
}

/** [q, k, v, segments, o, lse, do] → [dq, dk, dv]. */
export function backwardTwin(inputs: Inputs, attrs: AttentionAttrs): tf.Tensor[] {
  const perHead = (i: number, name: string) => byHead(required(inputs, i, name), attrs.heads, attrs.rows);
  const dout = perHead(6, 'do');
  const p = tf.exp(tf.sub(scores(inputs, attrs), perHead(5, 'lse')));
  const dp = product(dout, keyHeads(required(inputs, 2, 'v'), attrs), false, true);
  const delta = tf.sum(tf.mul(perHead(4, 'o'), dout), -1, true);
  const ds = tf.mul(tf.mul(p, tf.sub(dp, delta)), attrs.scale);
  const dq = product(ds, keyHeads(required(inputs, 1, 'k'), attrs));
  const dk = product(ds, perHead(0, 'q'), true);
  const dv = product(p, dout, true);
  return [byToken(dq, attrs.rows), byToken(sumGroups(dk, attrs), attrs.rows), byToken(sumGroups(dv, attrs), attrs.rows)];
}

/** Scaled scores [rows·H, T, T], hidden ones far below all others. */
function scores(inputs: Inputs, attrs: AttentionAttrs): tf.Tensor {
  const q = byHead(required(inputs, 0, 'q'), attrs.heads, attrs.rows);
  const s = product(q, keyHeads(required(inputs, 1, 'k'), attrs), false, true);
  const [, tokens = 0] = s.shape;
  const hidden = tf.logicalNot(visible(required(inputs, 3, 'segments'), attrs, tokens));
  const penalty = tf.mul(tf.cast(hidden, 'float32'), HIDDEN);
  const masked = tf.add(tf.mul(tf.reshape(s, [attrs.rows, attrs.heads, tokens, tokens]), attrs.scale), penalty);
  return tf.reshape(masked, s.shape);
}

/** Whether query i sees key j: [rows, 1, T, T] booleans. */
function visible(segments: tf.Tensor, { rows, causal }: AttentionAttrs, tokens: number): tf.Tensor {
  const same = tf.equal(tf.reshape(segments, [rows, 1, tokens, 1]), tf.reshape(segments, [rows, 1, 1, tokens]));
  if (!causal) return same;
  const order = tf.range(0, tokens);
  return tf.logicalAnd(same, tf.lessEqual(tf.reshape(order, [1, 1, 1, tokens]), tf.reshape(order, [1, 1, tokens, 1])));
}

/** [rows·T, heads·D] → [rows·heads, T, D]. */
function byHead(x: tf.Tensor, heads: number, rows: number): tf.Tensor {
  const [tokens = 0, width = 0] = x.shape;
  const size = width / heads;
  const split = tf.transpose(tf.reshape(x, [rows, tokens / rows, heads, size]), [0, 2, 1, 3]);
  return tf.reshape(split, [rows * heads, tokens / rows, size]);
}

/** [rows·heads, T, D] → [rows·T, heads·D]. */
function byToken(x: tf.Tensor, rows: number): tf.Tensor {
  const [batch = 0, tokens = 0, size = 0] = x.shape;
  const heads = batch / rows;
  return tf.reshape(tf.transpose(tf.reshape(x, [rows, heads, tokens, size]), [0, 2, 1, 3]), [rows * tokens, heads * size]);
}

/** Keys or values [rows·T, Hkv·D] → [rows·H, T, D]: each head once for every query head of its group. */
function keyHeads(x: tf.Tensor, { rows, heads, kvHeads }: AttentionAttrs): tf.Tensor {
  const split = byHead(x, kvHeads, rows);
  const [, tokens = 0, size = 0] = split.shape;
  const repeated = tf.tile(tf.expandDims(split, 1), [1, heads / kvHeads, 1, 1]);
  return tf.reshape(repeated, [rows * heads, tokens, size]);
}

/** [rows·H, T, D] → [rows·Hkv, T, D]: the sum over each group of query heads. */
function sumGroups(x: tf.Tensor, { rows, heads, kvHeads }: AttentionAttrs): tf.Tensor {
  const [, tokens = 0, size = 0] = x.shape;
  return tf.sum(tf.reshape(x, [rows * kvHeads, heads / kvHeads, tokens, size]), 1);
}
