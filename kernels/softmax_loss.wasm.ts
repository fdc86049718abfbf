/** The negative log-likelihood of classes, and its gradient. A unit of work is `RUNS` rows. */

import { before, load1, load4, put } from './lib/elements.wasm';
import { RUNS } from './lib/norm.wasm';
import { exp4, log1, sumOf } from './lib/vector.wasm';

@unmanaged
class SoftmaxLoss {
  logits: usize;
  labels: usize;
  /** For the loss. */
  nll: usize;
  /** For the gradient; 0 for the loss. */
  dnll: usize;
  dlogits: usize;
  width: i32;
  rows: i32;
}

export function softmax_loss(args: SoftmaxLoss, from: i32, to: i32, _thread: i32): void {
  const width = args.width;
  const end = min(to * RUNS, args.rows);
  for (let row = from * RUNS; row < end; row++) {
    const logits = args.logits + ((<usize>row * <usize>width) << 2);
    const label = load<i32>(args.labels + ((<usize>row) << 2));
    let top = load<f32>(logits);
    for (let i: i32 = 1; i < width; i++) top = max(top, load1(logits, i));
    const tops = f32x4.splat(top);
    let sums = f32x4.splat(0);
    for (let i: i32 = 0; i < width; i += 4) sums = f32x4.add(sums, before(exp4(f32x4.sub(load4(logits, i), tops)), i, width));
    const total = sumOf(sums);
    if (args.dnll == 0) store<f32>(args.nll + ((<usize>row) << 2), label < 0 ? 0 : log1(total) + (top - load1(logits, label)));
    else derive(args, logits, row, label, tops, total);
  }
}

function derive(args: SoftmaxLoss, logits: usize, row: i32, label: i32, tops: v128, total: f32): void {
  const width = args.width;
  const out = args.dlogits + ((<usize>row * <usize>width) << 2);
  const weight = f32x4.splat(label < 0 ? 0 : load1(args.dnll, row));
  for (let i: i32 = 0; i < width; i += 4) {
    const indices = i32x4.add(i32x4.splat(i), i32x4(0, 1, 2, 3));
    const onehot = v128.and(i32x4.eq(indices, i32x4.splat(label)), f32x4.splat(1));
    const softmax = f32x4.div(exp4(f32x4.sub(load4(logits, i), tops)), f32x4.splat(total));
    put(out, i, width, f32x4.mul(weight, f32x4.sub(softmax, onehot)));
  }
}
