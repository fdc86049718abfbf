/** Softmax and negative log-likelihood of rows of logits. A unit of work is a row. */

import { before, load1, load4, put } from './lib/elements.wasm';
import { exp4, largestOf, log1, sumOf, tanh4 } from './lib/vector.wasm';

@unmanaged
class LogitRows {
  /** [rows, width]. When training they are overwritten with their derivative, weight·(softmax − onehot). */
  logits: usize;
  nll: usize;
  labels: usize;
  /** [rows]: of the softmax. */
  entropy: usize;
  /** [rows]: 1 where the label has the largest logit, else 0. */
  hits: usize;
  /** [rows]; 0 when not training. */
  weights: usize;
  width: i32;
  /** The logits z become cap·tanh(z/cap); 0 for none. */
  cap: f32;
}

export function logit_rows(args: LogitRows, from: i32, to: i32, _thread: i32): void {
  const width = args.width;
  for (let row = from; row < to; row++) {
    const logits = args.logits + ((<usize>row * <usize>width) << 2);
    const label = load<i32>(args.labels + ((<usize>row) << 2));
    if (label < 0) {
      describe(args, row, 0, 0, 0);
      if (args.weights != 0) memory.fill(logits, 0, (<usize>width) << 2);
      continue;
    }
    if (args.cap != 0) capRow(logits, width, args.cap);
    const top = largestIn(logits, width);
    const tops = f32x4.splat(top);
    let sums = f32x4.splat(0);
    let moments = f32x4.splat(0);
    for (let i: i32 = 0; i < width; i += 4) {
      const below = f32x4.sub(load4(logits, i), tops);
      const e = exp4(below);
      sums = f32x4.add(sums, before(e, i, width));
      moments = f32x4.add(moments, before(f32x4.mul(e, below), i, width));
    }
    const total = sumOf(sums);
    const own = load1(logits, label);
    describe(args, row, log1(total) + (top - own), log1(total) - sumOf(moments) / total, own >= top ? 1 : 0);
    if (args.weights != 0) derive(args, logits, label, tops, f32x4.splat(total), load1(args.weights, row));
  }
}

function describe(args: LogitRows, row: i32, nll: f32, entropy: f32, hit: f32): void {
  store<f32>(args.nll + ((<usize>row) << 2), nll);
  store<f32>(args.entropy + ((<usize>row) << 2), entropy);
  store<f32>(args.hits + ((<usize>row) << 2), hit);
}

/** Each of a row of numbers z becomes cap·tanh(z/cap). */
export function capRow(logits: usize, width: i32, cap: f32): void {
  const caps = f32x4.splat(cap);
  for (let i: i32 = 0; i < width; i += 4) put(logits, i, width, f32x4.mul(tanh4(f32x4.div(load4(logits, i), caps)), caps));
}

/** The largest of a row of numbers. */
export function largestIn(logits: usize, width: i32): f32 {
  let tops = f32x4.splat(load<f32>(logits));
  let i: i32 = 0;
  for (; i + 4 <= width; i += 4) tops = f32x4.max(tops, load4(logits, i));
  let top = largestOf(tops);
  for (; i < width; i++) top = max(top, load1(logits, i));
  return top;
}

/** The derivative in the place of the logits, which are capped already. */
function derive(args: LogitRows, logits: usize, label: i32, tops: v128, totals: v128, weight: f32): void {
  const width = args.width;
  const weights = f32x4.splat(weight);
  const caps = f32x4.splat(args.cap);
  for (let i: i32 = 0; i < width; i += 4) {
    const z = load4(logits, i);
    const indices = i32x4.add(i32x4.splat(i), i32x4(0, 1, 2, 3));
    const onehot = v128.and(i32x4.eq(indices, i32x4.splat(label)), f32x4.splat(1));
    let slope = f32x4.mul(weights, f32x4.sub(f32x4.div(exp4(f32x4.sub(z, tops)), totals), onehot));
    if (args.cap != 0) {
      const part = f32x4.div(z, caps);
      slope = f32x4.mul(slope, f32x4.sub(f32x4.splat(1), f32x4.mul(part, part)));
    }
    put(logits, i, width, slope);
  }
}

@unmanaged
class WeightedTotal {
  losses: usize;
  labels: usize;
  weights: usize;
  total: usize;
  count: i32;
}

/** Σ weights·losses over the rows with a label. One unit. */
export function weighted_total(args: WeightedTotal, _from: i32, _to: i32, _thread: i32): void {
  let sum: f64 = 0;
  for (let i: i32 = 0; i < args.count; i++)
    if (load<i32>(args.labels + ((<usize>i) << 2)) >= 0) sum += <f64>load1(args.losses, i) * <f64>load1(args.weights, i);
  store<f32>(args.total, <f32>sum);
}
