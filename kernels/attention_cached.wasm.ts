/** Attention of new tokens over the cache. A unit of work is one head of one token. */

import { load1, load4 } from './lib/elements.wasm';
import { exp1, fromF16, madd, sumOf, tanh4 } from './lib/vector.wasm';

@unmanaged
class CachedAttention {
  q: usize;
  k: usize;
  v: usize;
  rows: usize;
  positions: usize;
  o: usize;
  heads: i32;
  kvHeads: i32;
  headSize: i32;
  scale: f32;
  /** The scaled scores s become cap·tanh(s/cap); 0 for none. */
  cap: f32;
  window: i32;
}

/** Four f16 of a head, from `i` on; zeros beyond its end. */
function half4(base: usize, i: i32, end: i32): v128 {
  const at = base + ((<usize>i) << 1);
  if (i + 4 <= end) return fromF16(v128.load16x4_u(at));
  return fromF16(i32x4.extend_low_i16x8_u(v128.load32_zero(at)));
}

export function attention_cached(args: CachedAttention, from: i32, to: i32, _thread: i32): void {
  for (let unit = from; unit < to; unit++) attend(args, unit / args.heads, unit % args.heads);
}

/** Goes over the keys once: sums are scaled down when a larger score appears. */
function attend(args: CachedAttention, token: i32, head: i32): void {
  const size = args.headSize;
  const q = args.q + ((<usize>(token * args.heads + head) * <usize>size) << 2);
  const o = args.o + ((<usize>(token * args.heads + head) * <usize>size) << 2);
  memory.fill(o, 0, (<usize>size) << 2);
  const row = load<i32>(args.rows + ((<usize>token) << 2));
  if (row < 0) return;
  const position = load<i32>(args.positions + ((<usize>token) << 2));
  const seen = args.window > 0 ? min(args.window, position + 1) : position + 1;
  const kvHead = head / (args.heads / args.kvHeads);
  const width = args.kvHeads * size;
  let top: f32 = -Infinity;
  let total: f32 = 0;
  for (let cached = row - seen + 1; cached <= row; cached++) {
    const offset = (<usize>cached * <usize>width + <usize>(kvHead * size)) << 1;
    const score = scoreOf(args, q, args.k + offset);
    if (score > top) {
      const factor = exp1(top - score);
      total *= factor;
      scaleHead(o, size, factor);
      top = score;
    }
    const p = exp1(score - top);
    total += p;
    addHead(o, args.v + offset, size, p);
  }
  scaleHead(o, size, 1 / total);
}

function scoreOf(args: CachedAttention, q: usize, k: usize): f32 {
  const score = dotHead(q, k, args.headSize) * args.scale;
  if (args.cap == 0) return score;
  return args.cap * f32x4.extract_lane(tanh4(f32x4.splat(score / args.cap)), 0);
}

function dotHead(q: usize, k: usize, size: i32): f32 {
  let sum = f32x4.splat(0);
  let i: i32 = 0;
  for (; i + 4 <= size; i += 4) sum = madd(load4(q, i), half4(k, i, size), sum);
  let rest: f32 = 0;
  if (i < size) {
    const pair = half4(k, i, size);
    rest = load1(q, i) * f32x4.extract_lane(pair, 0) + load1(q, i + 1) * f32x4.extract_lane(pair, 1);
  }
  return sumOf(sum) + rest;
}

function scaleHead(o: usize, size: i32, factor: f32): void {
  for (let i: i32 = 0; i < size; i++) store<f32>(o + ((<usize>i) << 2), load1(o, i) * factor);
}

function addHead(o: usize, v: usize, size: i32, p: f32): void {
  const factor = f32x4.splat(p);
  let i: i32 = 0;
  for (; i + 4 <= size; i += 4) v128.store(o + ((<usize>i) << 2), madd(half4(v, i, size), factor, load4(o, i)));
  if (i >= size) return;
  const pair = f32x4.mul(half4(v, i, size), factor);
  store<f32>(o + ((<usize>i) << 2), load1(o, i) + f32x4.extract_lane(pair, 0));
  store<f32>(o + ((<usize>(i + 1)) << 2), load1(o, i + 1) + f32x4.extract_lane(pair, 1));
}
