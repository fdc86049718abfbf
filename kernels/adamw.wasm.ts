/** One AdamW step in place; see adamw.ts. When the gradient's norm is not finite, the step only clears the gradient. */

import { load4, put, UNIT } from './lib/elements.wasm';
import { madd } from './lib/vector.wasm';

@unmanaged
class Adamw {
  param: usize;
  grad: usize;
  m: usize;
  v: usize;
  hyper: usize;
  norm: usize;
  /** [1], or 0 for 1. */
  scale: usize;
  /** The ends of the groups, multiples of four but for the last one. */
  ends: usize;
  groups: i32;
  count: i32;
}

export function adamw(args: Adamw, from: i32, to: i32, _thread: i32): void {
  const first = from * UNIT;
  const end = min(to * UNIT, args.count);
  const finite = (load<u32>(args.norm) & 0x7f800000) != 0x7f800000;
  let start: i32 = 0;
  for (let group: i32 = 0; finite && group < args.groups; group++) {
    const stop = load<i32>(args.ends + ((<usize>group) << 2));
    step(args, args.hyper + ((<usize>group) << 5), max(first, start), min(end, stop));
    start = stop;
  }
  memory.fill(args.grad + ((<usize>first) << 2), 0, (<usize>(end - first)) << 2);
}

/** Moves elements [from, to) of a group with the hyperparameters at `hyper`. */
function step(args: Adamw, hyper: usize, from: i32, to: i32): void {
  const rate = load<f32>(hyper);
  const beta1 = load<f32>(hyper, 4);
  const beta2 = load<f32>(hyper, 8);
  const epsilon = f32x4.splat(load<f32>(hyper, 12));
  const kept = f32x4.splat(1 - rate * load<f32>(hyper, 16));
  const move = f32x4.splat(rate / load<f32>(hyper, 20));
  const root = f32x4.splat(sqrt(load<f32>(hyper, 24)));
  const factor = f32x4.splat(clip(args));
  const scale = f32x4.splat(args.scale == 0 ? 1 : load<f32>(args.scale));
  const first = f32x4.splat(1 - beta1);
  const decay = f32x4.splat(beta2);
  const second = f32x4.splat(1 - beta2);
  for (let i = from; i < to; i += 4) {
    const g = f32x4.mul(f32x4.div(load4(args.grad, i), scale), factor);
    const before = load4(args.m, i);
    const m = madd(f32x4.sub(g, before), first, before);
    const v = madd(load4(args.v, i), decay, f32x4.mul(f32x4.mul(g, g), second));
    const size = f32x4.add(f32x4.div(f32x4.sqrt(v), root), epsilon);
    const moved = f32x4.sub(f32x4.mul(load4(args.param, i), kept), f32x4.mul(move, f32x4.div(m, size)));
    put(args.param, i, to, moved);
    put(args.m, i, to, m);
    put(args.v, i, to, v);
  }
}

/** The factor that limits the norm. */
function clip(args: Adamw): f32 {
  const limit = load<f32>(args.hyper, 28);
  return limit > 0 ? min(<f32>1, limit / (load<f32>(args.norm) + <f32>1e-6)) : 1;
}
