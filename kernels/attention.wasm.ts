/**
 * Softmax attention over packed rows, in tiles (FlashAttention-2, arXiv 2307.08691), and its gradient. A unit of work is a tile of
 * `OWN` tokens of one head: queries for o and dq, keys for dk and dv. It goes over tiles of `OTHER` tokens of the other side. Each product
 * is one of packed panels; see lib/product.wasm.ts.
 */

import { load1, load4 } from './lib/elements.wasm';
import { COLUMNS, Matrix, packColumns, packRows, ROWS } from './lib/panels.wasm';
import { tile } from './lib/product.wasm';
import { exp1, exp4, log1, sumOf, tanh4 } from './lib/vector.wasm';

/** Tokens of a tile of the own and of the other side; the same as in attention.ts. Multiples of 6 and 8. */
const OWN: i32 = 48;
const OTHER: i32 = 64;

@unmanaged
class Attention {
  q: usize;
  k: usize;
  v: usize;
  segments: usize;
  o: usize;
  lse: usize;
  /** For the gradient. */
  dout: usize;
  dq: usize;
  dk: usize;
  dv: usize;
  tokens: i32;
  heads: i32;
  kvHeads: i32;
  headSize: i32;
  scale: f32;
  /** The scaled scores s become cap·tanh(s/cap); 0 for none. */
  cap: f32;
  causal: i32;
  window: i32;
  scratch: usize;
  scratchBytes: i32;
}

/** The memory of a thread. Panels of the own side have 48 rows, those of the other one 64 columns or as many as a head has. */
@unmanaged
class Place {
  /** A matrix that is packed. */
  matrix: Matrix;
  /** Own panels over the head: of q, and for the gradient a second one. */
  own: usize;
  second: usize;
  /** Panels of the other side: over the head, and over its tokens. */
  across: usize;
  along: usize;
  /** Scores [OWN, OTHER], then probabilities; and derivatives. */
  scores: usize;
  slopes: usize;
  /** Scores packed as rows. */
  packed: usize;
  /** Sums [OWN, width]. */
  sums: usize;
  others: usize;
  /** [OWN] or [OTHER]: the largest score, the sum, and the sum of o·dout of each row. */
  top: usize;
  total: usize;
  delta: usize;
  /** Columns of sums: the size of a head, up to whole panels. */
  width: i32;
}

/** Divides the memory of a thread. */
function placeOf(args: Attention, thread: i32): Place {
  let at = args.scratch + <usize>thread * <usize>args.scratchBytes;
  const place = changetype<Place>(at);
  at += 128;
  place.matrix = changetype<Matrix>(at);
  at += 64;
  const width = (args.headSize + COLUMNS - 1) & ~(COLUMNS - 1);
  const panel = (<usize>(OWN * width)) << 2;
  const block = (<usize>(OTHER * width)) << 2;
  const square = (<usize>(OWN * OTHER)) << 2;
  place.width = width;
  place.own = at;
  place.second = place.own + panel;
  place.across = place.second + panel;
  place.along = place.across + block;
  place.scores = place.along + block;
  place.slopes = place.scores + square;
  place.packed = place.slopes + square;
  place.sums = place.packed + square;
  place.others = place.sums + panel;
  place.top = place.others + panel;
  place.total = place.top + (OTHER << 2);
  place.delta = place.total + (OTHER << 2);
  return place;
}

/** The tokens [first, first + count) of one head of `data`, whose tokens have `width` numbers. */
function headOf(place: Place, args: Attention, data: usize, heads: i32, head: i32, first: i32, count: i32): Matrix {
  const matrix = place.matrix;
  const width = heads * args.headSize;
  matrix.data = data + ((<usize>first * <usize>width + <usize>(head * args.headSize)) << 2);
  matrix.scales = 0;
  matrix.stored = 0;
  matrix.rows = count;
  matrix.columns = args.headSize;
  matrix.stride = width << 2;
  return matrix;
}

function packOwn(matrix: Matrix, factor: f32, out: usize): void {
  const bytes = (<usize>(matrix.columns * ROWS)) << 2;
  packRows(matrix, false, 0, matrix.rows, factor, out, bytes);
}

/** Panels whose columns are the rows of `matrix`, over its columns. */
function packAcross(matrix: Matrix, out: usize): void {
  const bytes = (<usize>(matrix.columns * COLUMNS)) << 2;
  for (let row: i32 = 0; row < matrix.rows; row += COLUMNS, out += bytes) packColumns(matrix, true, row, 0, matrix.columns, out);
}

/** Panels whose columns are those of `matrix`, over its rows. */
function packAlong(matrix: Matrix, out: usize): void {
  const bytes = (<usize>(matrix.rows * COLUMNS)) << 2;
  for (let column: i32 = 0; column < matrix.columns; column += COLUMNS, out += bytes)
    packColumns(matrix, false, column, 0, matrix.rows, out);
}

/** out [rows, columns] = the product of panels; rows of `out` are `stride` bytes apart. */
function multiply(a: usize, b: usize, rows: i32, columns: i32, depth: i32, out: usize, stride: usize, adds: bool): void {
  for (let row: i32 = 0; row < rows; row += ROWS)
    for (let column: i32 = 0; column < columns; column += COLUMNS) {
      const left = a + ((<usize>(row * depth)) << 2);
      const right = b + ((<usize>(column * depth)) << 2);
      tile(left, right, depth, out + <usize>row * stride + ((<usize>column) << 2), stride, adds);
    }
}

/** sums += the scores [own, other] at `from`, times panels along the other side. */
function addProduct(place: Place, args: Attention, from: usize, own: i32, other: i32, sums: usize): void {
  const matrix = place.matrix;
  matrix.data = from;
  matrix.rows = own;
  matrix.columns = other;
  matrix.stride = OTHER << 2;
  packOwn(matrix, 1, place.packed);
  multiply(place.packed, place.along, own, args.headSize, other, sums, (<usize>place.width) << 2, true);
}

/** Which of the other side's tokens the token `own` sees: the ends of the range without regard to segments. */
function firstOf(args: Attention, own: i32, keys: bool): i32 {
  if (keys && args.causal) return own;
  return args.window > 0 ? max(0, own - args.window + 1) : 0;
}

function endOf(args: Attention, own: i32, keys: bool): i32 {
  if (!keys && args.causal) return own + 1;
  return args.window > 0 ? min(args.tokens, own + args.window) : args.tokens;
}

/** All bits set for those of the tokens j to j + 3 that the token `own` sees. Segments are those of the row. */
function seen(args: Attention, segments: usize, own: i32, j: i32, end: i32, keys: bool): v128 {
  const indices = i32x4.add(i32x4.splat(j), i32x4(0, 1, 2, 3));
  const inside = v128.and(
    i32x4.ge_s(indices, i32x4.splat(firstOf(args, own, keys))),
    i32x4.lt_s(indices, i32x4.splat(min(end, endOf(args, own, keys)))),
  );
  const same = i32x4.eq(v128.load(segments + ((<usize>j) << 2)), v128.load32_splat(segments + ((<usize>own) << 2)));
  return v128.and(inside, same);
}

/** o and lse of units [from, to). */
export function attention(args: Attention, from: i32, to: i32, thread: i32): void {
  const place = placeOf(args, thread);
  const blocks = (args.tokens + OWN - 1) / OWN;
  for (let unit = from; unit < to; unit++) {
    const first = (unit % blocks) * OWN;
    const head = (unit / blocks) % args.heads;
    const row = unit / blocks / args.heads;
    forward(args, place, row * args.tokens, head, first, min(OWN, args.tokens - first));
  }
}

/** Queries [first, first + count) of a row that starts at token `start`. */
function forward(args: Attention, place: Place, start: i32, head: i32, first: i32, count: i32): void {
  const segments = args.segments + ((<usize>start) << 2);
  const kvHead = head / (args.heads / args.kvHeads);
  const stride = (<usize>place.width) << 2;
  packOwn(headOf(place, args, args.q, args.heads, head, start + first, count), args.scale, place.own);
  memory.fill(place.sums, 0, <usize>OWN * stride);
  for (let i: i32 = 0; i < count; i++) {
    store<f32>(place.top + ((<usize>i) << 2), -1e30);
    store<f32>(place.total + ((<usize>i) << 2), 0);
  }
  const end = endOf(args, first + count - 1, false);
  for (let key = firstOf(args, first, false); key < end; key += OTHER) {
    const keys = min(OTHER, end - key);
    packAcross(headOf(place, args, args.k, args.kvHeads, kvHead, start + key, keys), place.across);
    multiply(place.own, place.across, count, keys, args.headSize, place.scores, OTHER << 2, false);
    for (let i: i32 = 0; i < count; i++) softmaxRow(args, place, segments, i, first + i, key, keys);
    packAlong(headOf(place, args, args.v, args.kvHeads, kvHead, start + key, keys), place.along);
    addProduct(place, args, place.scores, count, keys, place.sums);
  }
  for (let i: i32 = 0; i < count; i++) {
    const token = start + first + i;
    const total = load1(place.total, i);
    store<f32>(args.lse + ((<usize>(token * args.heads + head)) << 2), load1(place.top, i) + log1(total));
    const out = args.o + ((<usize>(token * args.heads + head) * <usize>args.headSize) << 2);
    for (let d: i32 = 0; d < args.headSize; d++)
      store<f32>(out + ((<usize>d) << 2), load1(place.sums + <usize>i * stride, d) / total);
  }
}

/** tanh(s/cap). */
function bounded(args: Attention, s: v128): v128 {
  return tanh4(f32x4.div(s, f32x4.splat(args.cap)));
}

/** Scores of a query become exp(score − top); sums and total so far follow a new top. */
function softmaxRow(args: Attention, place: Place, segments: usize, i: i32, own: i32, key: i32, keys: i32): void {
  const scores = place.scores + ((<usize>(i * OTHER)) << 2);
  const before = load1(place.top, i);
  let tops = f32x4.splat(before);
  for (let j: i32 = 0; j < keys; j += 4) {
    const mask = seen(args, segments, own, key + j, key + keys, false);
    const capped = args.cap == 0 ? load4(scores, j) : f32x4.mul(bounded(args, load4(scores, j)), f32x4.splat(args.cap));
    const score = v128.bitselect(capped, f32x4.splat(-1e30), mask);
    v128.store(scores + ((<usize>j) << 2), score);
    tops = f32x4.max(tops, score);
  }
  const top = max(
    max(f32x4.extract_lane(tops, 0), f32x4.extract_lane(tops, 1)),
    max(f32x4.extract_lane(tops, 2), f32x4.extract_lane(tops, 3)),
  );
  let sum = f32x4.splat(0);
  for (let j: i32 = 0; j < keys; j += 4) {
    const score = load4(scores, j);
    // A hidden score is far below every top, but for a query that has seen no key yet.
    const p = v128.and(exp4(f32x4.sub(score, f32x4.splat(top))), f32x4.gt(score, f32x4.splat(-1e29)));
    v128.store(scores + ((<usize>j) << 2), p);
    sum = f32x4.add(sum, p);
  }
  const factor = exp1(before - top);
  store<f32>(place.top + ((<usize>i) << 2), top);
  store<f32>(place.total + ((<usize>i) << 2), load1(place.total, i) * factor + sumOf(sum));
  if (factor == 1) return;
  const sums = place.sums + ((<usize>(i * place.width)) << 2);
  for (let d: i32 = 0; d < place.width; d += 4)
    v128.store(sums + ((<usize>d) << 2), f32x4.mul(load4(sums, d), f32x4.splat(factor)));
}

/** dq of units [from, to). */
export function attention_dq(args: Attention, from: i32, to: i32, thread: i32): void {
  const place = placeOf(args, thread);
  const blocks = (args.tokens + OWN - 1) / OWN;
  for (let unit = from; unit < to; unit++) {
    const first = (unit % blocks) * OWN;
    const head = (unit / blocks) % args.heads;
    const row = unit / blocks / args.heads;
    backwardQueries(args, place, row * args.tokens, head, first, min(OWN, args.tokens - first));
  }
}

function backwardQueries(args: Attention, place: Place, start: i32, head: i32, first: i32, count: i32): void {
  const segments = args.segments + ((<usize>start) << 2);
  const kvHead = head / (args.heads / args.kvHeads);
  packOwn(headOf(place, args, args.q, args.heads, head, start + first, count), args.scale, place.own);
  packOwn(headOf(place, args, args.dout, args.heads, head, start + first, count), 1, place.second);
  memory.fill(place.sums, 0, (<usize>(OWN * place.width)) << 2);
  takeRows(args, place, start + first, head, count);
  const end = endOf(args, first + count - 1, false);
  for (let key = firstOf(args, first, false); key < end; key += OTHER) {
    const keys = min(OTHER, end - key);
    packAcross(headOf(place, args, args.k, args.kvHeads, kvHead, start + key, keys), place.across);
    multiply(place.own, place.across, count, keys, args.headSize, place.scores, OTHER << 2, false);
    packAcross(headOf(place, args, args.v, args.kvHeads, kvHead, start + key, keys), place.across);
    multiply(place.second, place.across, count, keys, args.headSize, place.slopes, OTHER << 2, false);
    for (let i: i32 = 0; i < count; i++) {
      const lse = f32x4.splat(load1(place.top, i));
      const delta = f32x4.splat(load1(place.delta, i));
      for (let j: i32 = 0; j < keys; j += 4) {
        const at = (<usize>(i * OTHER + j)) << 2;
        const mask = seen(args, segments, first + i, key + j, key + keys, false);
        slope(args, place, at, lse, delta, mask);
      }
    }
    packAlong(headOf(place, args, args.k, args.kvHeads, kvHead, start + key, keys), place.along);
    addProduct(place, args, place.slopes, count, keys, place.sums);
  }
  storeHead(args, place, place.sums, args.dq, args.heads, head, start + first, count);
}

/** Scores and dout·v at `at` become probabilities and the derivatives of the scores. */
function slope(args: Attention, place: Place, at: usize, lse: v128, delta: v128, mask: v128): void {
  let score = v128.load(place.scores + at);
  let rate = f32x4.splat(args.scale);
  if (args.cap != 0) {
    const t = bounded(args, score);
    score = f32x4.mul(t, f32x4.splat(args.cap));
    rate = f32x4.mul(rate, f32x4.sub(f32x4.splat(1), f32x4.mul(t, t)));
  }
  const p = v128.and(exp4(f32x4.sub(score, lse)), mask);
  v128.store(place.scores + at, p);
  const ds = f32x4.mul(f32x4.mul(p, f32x4.sub(v128.load(place.slopes + at), delta)), rate);
  v128.store(place.slopes + at, v128.and(ds, mask));
}

/** lse of tokens [first, first + count) into `top`, and their sums of o·dout into `delta`. */
function takeRows(args: Attention, place: Place, first: i32, head: i32, count: i32): void {
  const size = args.headSize;
  for (let i: i32 = 0; i < count; i++) {
    const at = (first + i) * args.heads + head;
    store<f32>(place.top + ((<usize>i) << 2), load1(args.lse, at));
    let sum: f32 = 0;
    for (let d: i32 = 0; d < size; d++) sum += load1(args.o, at * size + d) * load1(args.dout, at * size + d);
    store<f32>(place.delta + ((<usize>i) << 2), sum);
  }
}

function storeHead(args: Attention, place: Place, sums: usize, out: usize, heads: i32, head: i32, first: i32, count: i32): void {
  const bytes = (<usize>args.headSize) << 2;
  for (let i: i32 = 0; i < count; i++)
    memory.copy(out + <usize>((first + i) * heads + head) * bytes, sums + ((<usize>(i * place.width)) << 2), bytes);
}

/** dk and dv of units [from, to). */
export function attention_dkv(args: Attention, from: i32, to: i32, thread: i32): void {
  const place = placeOf(args, thread);
  const blocks = (args.tokens + OWN - 1) / OWN;
  for (let unit = from; unit < to; unit++) {
    const first = (unit % blocks) * OWN;
    const head = (unit / blocks) % args.kvHeads;
    const row = unit / blocks / args.kvHeads;
    backwardKeys(args, place, row * args.tokens, head, first, min(OWN, args.tokens - first));
  }
}

function backwardKeys(args: Attention, place: Place, start: i32, kvHead: i32, first: i32, count: i32): void {
  const group = args.heads / args.kvHeads;
  packOwn(headOf(place, args, args.k, args.kvHeads, kvHead, start + first, count), args.scale, place.own);
  packOwn(headOf(place, args, args.v, args.kvHeads, kvHead, start + first, count), 1, place.second);
  memory.fill(place.sums, 0, (<usize>(OWN * place.width)) << 2);
  memory.fill(place.others, 0, (<usize>(OWN * place.width)) << 2);
  const end = endOf(args, first + count - 1, true);
  for (let head = kvHead * group; head < (kvHead + 1) * group; head++)
    for (let query = firstOf(args, first, true); query < end; query += OTHER)
      backwardTile(args, place, start, head, first, count, query, min(OTHER, end - query));
  storeHead(args, place, place.sums, args.dk, args.kvHeads, kvHead, start + first, count);
  storeHead(args, place, place.others, args.dv, args.kvHeads, kvHead, start + first, count);
}

/** Adds what queries [query, query + queries) of a head give to dk (sums) and dv (others). */
function backwardTile(
  args: Attention,
  place: Place,
  start: i32,
  head: i32,
  first: i32,
  count: i32,
  query: i32,
  queries: i32,
): void {
  const segments = args.segments + ((<usize>start) << 2);
  takeRows(args, place, start + query, head, queries);
  packAcross(headOf(place, args, args.q, args.heads, head, start + query, queries), place.across);
  multiply(place.own, place.across, count, queries, args.headSize, place.scores, OTHER << 2, false);
  packAcross(headOf(place, args, args.dout, args.heads, head, start + query, queries), place.across);
  multiply(place.second, place.across, count, queries, args.headSize, place.slopes, OTHER << 2, false);
  for (let i: i32 = 0; i < count; i++)
    for (let j: i32 = 0; j < queries; j += 4) {
      const at = (<usize>(i * OTHER + j)) << 2;
      const mask = seen(args, segments, first + i, query + j, query + queries, true);
      slope(args, place, at, load4(place.top, j), load4(place.delta, j), mask);
    }
  packAlong(headOf(place, args, args.dout, args.heads, head, start + query, queries), place.along);
  addProduct(place, args, place.scores, count, queries, place.others);
  packAlong(headOf(place, args, args.q, args.heads, head, start + query, queries), place.along);
  addProduct(place, args, place.slopes, count, queries, place.sums);
}
