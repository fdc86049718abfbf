/** KL(teacher ‖ model) of rows of logits. A unit of work is a row. */

import { capRow, largestIn } from './crossentropy.wasm';
import { before, load1, load4, put } from './lib/elements.wasm';
import { exp4, log1, madd, sumOf } from './lib/vector.wasm';

@unmanaged
class DivergenceRows {
  /** [rows, width]. When training they are overwritten with their derivative, weight/temperature·(p − q). */
  logits: usize;
  teacher: usize;
  kl: usize;
  labels: usize;
  /** [rows]; 0 when not training. */
  weights: usize;
  width: i32;
  temperature: f32;
  /** The logits z become cap·tanh(z/cap); 0 for none. */
  cap: f32;
  teacherCap: f32;
}

export function divergence_rows(args: DivergenceRows, from: i32, to: i32, _thread: i32): void {
  for (let row = from; row < to; row++) {
    const offset = (<usize>row * <usize>args.width) << 2;
    const logits = args.logits + offset;
    if (load<i32>(args.labels + ((<usize>row) << 2)) >= 0) {
      const slope: f32 = args.weights == 0 ? 0 : load1(args.weights, row) / args.temperature;
      store<f32>(args.kl + ((<usize>row) << 2), divergence(args, logits, args.teacher + offset, slope));
      continue;
    }
    store<f32>(args.kl + ((<usize>row) << 2), 0);
    if (args.weights != 0) memory.fill(logits, 0, (<usize>args.width) << 2);
  }
}

/** The divergence of a row; when training, its derivative takes the place of the logits. */
function divergence(args: DivergenceRows, logits: usize, teacher: usize, slope: f32): f32 {
  const width = args.width;
  const rate = f32x4.splat(args.temperature);
  const caps = f32x4.splat(args.cap);
  if (args.cap != 0) capRow(logits, width, args.cap);
  if (args.teacherCap != 0) capRow(teacher, width, args.teacherCap);
  const top = f32x4.splat(largestIn(logits, width));
  const teacherTop = f32x4.splat(largestIn(teacher, width));
  const total = sumOfRow(logits, width, top, rate);
  const teacherTotal = sumOfRow(teacher, width, teacherTop, rate);
  const shift = f32x4.splat(log1(total) - log1(teacherTotal));
  let sum = f32x4.splat(0);
  for (let i: i32 = 0; i < width; i += 4) {
    const value = load4(logits, i);
    const z = f32x4.div(f32x4.sub(value, top), rate);
    const t = f32x4.div(f32x4.sub(load4(teacher, i), teacherTop), rate);
    const q = f32x4.div(exp4(t), f32x4.splat(teacherTotal));
    sum = madd(before(q, i, width), before(f32x4.add(f32x4.sub(t, z), shift), i, width), sum);
    if (args.weights == 0) continue;
    const p = f32x4.div(exp4(z), f32x4.splat(total));
    let derivative = f32x4.mul(f32x4.splat(slope), f32x4.sub(p, q));
    if (args.cap != 0) {
      const part = f32x4.div(value, caps);
      derivative = f32x4.mul(derivative, f32x4.sub(f32x4.splat(1), f32x4.mul(part, part)));
    }
    put(logits, i, width, derivative);
  }
  return sumOf(sum);
}

function sumOfRow(logits: usize, width: i32, top: v128, rate: v128): f32 {
  let sum = f32x4.splat(0);
  for (let i: i32 = 0; i < width; i += 4)
    sum = f32x4.add(sum, before(exp4(f32x4.div(f32x4.sub(load4(logits, i), top), rate)), i, width));
  return sumOf(sum);
}
