/** The normalisations of runs of `width` elements, and their gradients. A unit of work is `RUNS` runs. */

import { before, load1, load4, put } from './elements.wasm';
import { madd, sumOf } from './vector.wasm';

/** The same as `RUNS` in processor.ts. */
export const RUNS: i32 = 8;

@unmanaged
class Norm {
  x: usize;
  weight: usize;
  y: usize;
  rstd: usize;
  /** 0 for a norm that is not centred. */
  mean: usize;
  bias: usize;
  width: i32;
  eps: f32;
  /** Added to the weight. */
  offset: f32;
  runs: i32;
}

export function norm(args: Norm, from: i32, to: i32, _thread: i32): void {
  const width = args.width;
  const end = min(to * RUNS, args.runs);
  for (let run = from * RUNS; run < end; run++) {
    const x = args.x + ((<usize>run * <usize>width) << 2);
    const mean: f32 = args.mean == 0 ? 0 : meanOf(x, width);
    const means = f32x4.splat(mean);
    let squares = f32x4.splat(0);
    for (let i: i32 = 0; i < width; i += 4) {
      const centred = before(f32x4.sub(load4(x, i), means), i, width);
      squares = madd(centred, centred, squares);
    }
    const rstd: f32 = 1 / sqrt(sumOf(squares) / <f32>width + args.eps);
    store<f32>(args.rstd + ((<usize>run) << 2), rstd);
    if (args.mean != 0) store<f32>(args.mean + ((<usize>run) << 2), mean);
    const factor = f32x4.splat(rstd);
    const offsets = f32x4.splat(args.offset);
    const y = args.y + ((<usize>run * <usize>width) << 2);
    for (let i: i32 = 0; i < width; i += 4) {
      const scaled = f32x4.mul(f32x4.mul(f32x4.sub(load4(x, i), means), factor), f32x4.add(load4(args.weight, i), offsets));
      put(y, i, width, args.bias == 0 ? scaled : f32x4.add(scaled, load4(args.bias, i)));
    }
  }
}

function meanOf(x: usize, width: i32): f32 {
  let sum = f32x4.splat(0);
  for (let i: i32 = 0; i < width; i += 4) sum = f32x4.add(sum, before(load4(x, i), i, width));
  return sumOf(sum) / <f32>width;
}

@unmanaged
class NormBackward {
  x: usize;
  weight: usize;
  rstd: usize;
  mean: usize;
  dy: usize;
  addend: usize;
  dx: usize;
  width: i32;
  offset: f32;
  runs: i32;
}

export function norm_backward(args: NormBackward, from: i32, to: i32, _thread: i32): void {
  const width = args.width;
  const end = min(to * RUNS, args.runs);
  for (let run = from * RUNS; run < end; run++) {
    const offset = (<usize>run * <usize>width) << 2;
    const x = args.x + offset;
    const dy = args.dy + offset;
    const rstd = f32x4.splat(load1(args.rstd, run));
    const means = f32x4.splat(args.mean == 0 ? 0 : load1(args.mean, run));
    const offsets = f32x4.splat(args.offset);
    let along = f32x4.splat(0);
    let all = along;
    for (let i: i32 = 0; i < width; i += 4) {
      const g = before(f32x4.mul(load4(dy, i), f32x4.add(load4(args.weight, i), offsets)), i, width);
      const unit = f32x4.mul(f32x4.sub(load4(x, i), means), rstd);
      along = madd(g, before(unit, i, width), along);
      all = f32x4.add(all, g);
    }
    const slope = f32x4.splat(sumOf(along) / <f32>width);
    const shift = f32x4.splat(args.mean == 0 ? 0 : sumOf(all) / <f32>width);
    for (let i: i32 = 0; i < width; i += 4) {
      const g = f32x4.mul(load4(dy, i), f32x4.add(load4(args.weight, i), offsets));
      const unit = f32x4.mul(f32x4.sub(load4(x, i), means), rstd);
      // Not fused: in short runs the terms nearly cancel, and must be rounded alike.
      const dx = f32x4.mul(rstd, f32x4.sub(f32x4.sub(g, shift), f32x4.mul(unit, slope)));
      put(args.dx + offset, i, width, args.addend == 0 ? dx : f32x4.add(dx, load4(args.addend + offset, i)));
    }
  }
}
