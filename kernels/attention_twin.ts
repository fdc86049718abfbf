/**
 * Attention in plain tfjs ops. Scores are computed in pieces (some heads, or some queries of one head, at a time), so that long rows
 * fit wasm's memory. Keys that no query of a piece sees are left out of it.
 */

import * as tf from '@tensorflow/tfjs-core';
import { capSlopeTwin, cappedTwin } from './lib/softcap';
import { product } from './lib/twin';

export interface AttentionAttrs {
  /** Rows of the batch, B; tokens attend within their row. */
  readonly rows: number;
  readonly heads: number;
  /** Divides `heads`; each key/value head serves heads/kvHeads consecutive query heads. */
  readonly kvHeads: number;
  readonly headSize: number;
  /** Factor of the scores, usually 1/√headSize. */
  readonly scale: number;
  /** The scaled scores s become softcap·tanh(s/softcap), before any are hidden. */
  readonly softcap?: number;
  readonly causal: boolean;
  /** Tokens see each other only when they are less than this many positions apart; 0: at any distance. */
  readonly window: number;
}

interface Inputs {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
  readonly segments: tf.Tensor;
}

/** Added to the scores of pairs that do not see each other. */
const HIDDEN = -1e30;
/** Approximate limit on the scores that are in memory at a time. */
export const PIECE_ELEMENTS = 1 << 20;

/** Consecutive queries [first, end) of `count` heads of one batch row, from head `head` on, and the keys [from, to) they may see. */
interface Piece {
  readonly row: number;
  readonly head: number;
  readonly count: number;
  readonly first: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** o and lse of `attentionOp`. */
export function forwardTwin(inputs: Inputs, attrs: AttentionAttrs): { o: tf.Tensor; lse: tf.Tensor } {
  const x = split(inputs, attrs);
  const parts = piecesOf(x.tokens, attrs).map((heads) => {
    const found = heads.map((piece) =>
      tf.tidy(() => {
        const s = masked(x, piece, attrs, scores(x, piece, attrs));
        const top = tf.max(s, -1, true);
        const p = tf.exp(tf.sub(s, top));
        const total = tf.sum(p, -1, true);
        return { o: product(tf.div(p, total), keysOf(x.v, piece, attrs)), lse: tf.add(top, tf.log(total)) };
      }),
    );
    return { o: tf.concat(pick(found, 'o'), 1), lse: tf.concat(pick(found, 'lse'), 1) };
  });
  const joined = (name: 'o' | 'lse') => byToken(tf.concat(pick(parts, name), 0), attrs.rows);
  return { o: joined('o'), lse: joined('lse') };
}

/** dq, dk and dv of `attentionBackwardOp`. */
export function backwardTwin(
  inputs: Inputs & { readonly o: tf.Tensor; readonly lse: tf.Tensor; readonly dout: tf.Tensor },
  attrs: AttentionAttrs,
): { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor } {
  const x = split(inputs, attrs);
  const perHead = (tensor: tf.Tensor) => byHead(tensor, attrs.heads, attrs.rows);
  const [o, lse, dout] = [perHead(inputs.o), perHead(inputs.lse), perHead(inputs.dout)];
  const delta = tf.sum(tf.mul(o, dout), -1, true);
  const parts = piecesOf(x.tokens, attrs).map((heads) => {
    const found = heads.map((piece) =>
      tf.tidy(() => {
        const dy = queriesOf(dout, piece, attrs);
        const s = scores(x, piece, attrs);
        const p = tf.exp(tf.sub(masked(x, piece, attrs, s), queriesOf(lse, piece, attrs)));
        const dp = product(dy, keysOf(x.v, piece, attrs), false, true);
        const dscore = tf.mul(tf.mul(p, tf.sub(dp, queriesOf(delta, piece, attrs))), attrs.scale);
        const slope = capSlopeTwin(s, attrs.softcap);
        const ds = slope === undefined ? dscore : tf.mul(dscore, slope);
        return {
          dq: product(ds, keysOf(x.k, piece, attrs)),
          dk: padKeys(product(ds, queriesOf(x.q, piece, attrs), true), piece, x.tokens),
          dv: padKeys(product(p, dy, true), piece, x.tokens),
        };
      }),
    );
    return { dq: tf.concat(pick(found, 'dq'), 1), dk: sum(pick(found, 'dk')), dv: sum(pick(found, 'dv')) };
  });
  const joined = (name: 'dq' | 'dk' | 'dv') => tf.concat(pick(parts, name), 0);
  const keys = (name: 'dk' | 'dv') => byToken(sumGroups(joined(name), attrs), attrs.rows);
  return { dq: byToken(joined('dq'), attrs.rows), dk: keys('dk'), dv: keys('dv') };
}

/** Added one by one: tfjs-webgpu binds all inputs of `addN` at once, and devices have a limit of 8 or 10 buffers. */
function sum(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tensors.reduce((all, tensor) => tf.add(all, tensor));
}

/** The tensor `name` of each record. */
function pick<K extends string>(records: readonly Readonly<Record<K, tf.Tensor>>[], name: K): tf.Tensor[] {
  return records.map((record) => record[name]);
}

/** [count, keys, D] of a piece as [count, T, D], zeros for the keys outside of the piece. */
function padKeys(x: tf.Tensor, { from, to }: Piece, tokens: number): tf.Tensor {
  return tf.pad(x, [
    [0, 0],
    [from, tokens - to],
    [0, 0],
  ]);
}

/** Inputs by head: q [rows·H, T, D], k and v [rows·Hkv, T, D], segments [rows, T]. */
interface Split extends Inputs {
  readonly tokens: number;
}

function split({ q, k, v, segments }: Inputs, { rows, heads, kvHeads }: AttentionAttrs): Split {
  const tokens = segments.size / rows;
  return {
    tokens,
    q: byHead(q, heads, rows),
    k: byHead(k, kvHeads, rows),
    v: byHead(v, kvHeads, rows),
    segments: tf.reshape(segments, [rows, tokens]),
  };
}

/** For each batch row and each group of its heads: the pieces, in the order of their queries. */
function piecesOf(tokens: number, attrs: AttentionAttrs): Piece[][] {
  const count = Math.max(1, Math.min(attrs.heads, Math.floor(PIECE_ELEMENTS / tokens ** 2)));
  const length = Math.min(tokens, Math.max(1, Math.floor(PIECE_ELEMENTS / (count * tokens))));
  const range = (end: number, step: number) => Array.from({ length: Math.ceil(end / step) }, (_, i) => i * step);
  return range(attrs.rows, 1).flatMap((row) =>
    range(attrs.heads, count).map((head) =>
      range(tokens, length).map((first) => {
        const end = Math.min(first + length, tokens);
        return { row, head, count: Math.min(count, attrs.heads - head), first, end, ...keyRange(first, end, tokens, attrs) };
      }),
    ),
  );
}

/** The keys that queries [first, end) see when segments hide none. */
function keyRange(first: number, end: number, tokens: number, { causal, window }: AttentionAttrs): Pick<Piece, 'from' | 'to'> {
  const reach = window > 0 ? window - 1 : tokens;
  return { from: Math.max(0, first - reach), to: causal ? end : Math.min(tokens, end + reach) };
}

/** The queries of the piece in x [rows·H, T, …]: [count, queries, …]. */
function queriesOf(x: tf.Tensor, { row, head, count, first, end }: Piece, { heads }: AttentionAttrs): tf.Tensor {
  return tf.slice(x, [row * heads + head, first, 0], [count, end - first, -1]);
}

/** The keys of the piece in x [rows·Hkv, T, D], for the key head of each of its query heads: [count, keys, D]. */
function keysOf(x: tf.Tensor, { row, head, count, from, to }: Piece, { heads, kvHeads }: AttentionAttrs): tf.Tensor {
  const indices = Array.from({ length: count }, (_, i) => row * kvHeads + Math.floor(((head + i) * kvHeads) / heads));
  return tf.gather(tf.slice(x, [0, from, 0], [-1, to - from, -1]), tf.tensor1d(indices, 'int32'));
}

/** Scaled and capped scores [count, queries, keys] of all pairs. */
function scores(x: Split, piece: Piece, attrs: AttentionAttrs): tf.Tensor {
  const s = product(queriesOf(x.q, piece, attrs), keysOf(x.k, piece, attrs), false, true);
  return cappedTwin(tf.mul(s, attrs.scale), attrs.softcap);
}

/** The scores; those of hidden pairs are far below all others. */
function masked(x: Split, piece: Piece, attrs: AttentionAttrs, s: tf.Tensor): tf.Tensor {
  const hidden = tf.logicalNot(visible(x.segments, piece, attrs));
  return tf.add(s, tf.mul(tf.cast(hidden, 'float32'), HIDDEN));
}

/** Whether each query of the piece sees each of its keys: [1, queries, keys] booleans. */
function visible(segments: tf.Tensor, { row, first, end, from, to }: Piece, { causal, window }: AttentionAttrs): tf.Tensor {
  const own = (start: number, stop: number, shape: number[]) =>
    tf.reshape(tf.slice(segments, [row, start], [1, stop - start]), shape);
  const queries = tf.reshape(tf.range(first, end), [1, -1, 1]);
  const keys = tf.reshape(tf.range(from, to), [1, 1, -1]);
  let seen: tf.Tensor = tf.equal(own(first, end, [1, -1, 1]), own(from, to, [1, 1, -1]));
  if (causal) seen = tf.logicalAnd(seen, tf.lessEqual(keys, queries));
  return window > 0 ? tf.logicalAnd(seen, tf.less(tf.abs(tf.sub(queries, keys)), window)) : seen;
}

/** [rows·T, heads·D] → [rows·heads, T, D]. */
function byHead(x: tf.Tensor, heads: number, rows: number): tf.Tensor {
  const [tokens = 0, width = 0] = x.shape;
  const size = width / heads;
  const perToken = tf.transpose(tf.reshape(x, [rows, tokens / rows, heads, size]), [0, 2, 1, 3]);
  return tf.reshape(perToken, [rows * heads, tokens / rows, size]);
}

/** [rows·heads, T, D] → [rows·T, heads·D]. */
function byToken(x: tf.Tensor, rows: number): tf.Tensor {
  const [batch = 0, tokens = 0, size = 0] = x.shape;
  const heads = batch / rows;
  return tf.reshape(tf.transpose(tf.reshape(x, [rows, heads, tokens, size]), [0, 2, 1, 3]), [rows * tokens, heads * size]);
}

/** [rows·H, T, D] → [rows·Hkv, T, D]: the sum over each group of query heads. */
function sumGroups(x: tf.Tensor, { rows, heads, kvHeads }: AttentionAttrs): tf.Tensor {
  const [, tokens = 0, size = 0] = x.shape;
  return tf.sum(tf.reshape(x, [rows * kvHeads, heads / kvHeads, tokens, size]), 1);
}
