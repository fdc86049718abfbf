/** Rotates the heads of each token by the tables' rows at its position. A unit of work is `RUNS` tokens. */

import { load1, load4, put } from './lib/elements.wasm';
import { RUNS } from './lib/norm.wasm';
import { madd } from './lib/vector.wasm';

@unmanaged
class Rope {
  x: usize;
  y: usize;
  width: i32;
  positions: usize;
  cos: usize;
  sin: usize;
  /** Half of the size of a head. */
  half: i32;
  /** −1 rotates back. */
  sign: f32;
  tokens: i32;
}

export function rope(args: Rope, from: i32, to: i32, _thread: i32): void {
  const half = args.half;
  const end = min(to * RUNS, args.tokens);
  for (let token = from * RUNS; token < end; token++) {
    const position = <usize>load<i32>(args.positions + ((<usize>token) << 2));
    const cos = args.cos + ((position * <usize>half) << 2);
    const sin = args.sin + ((position * <usize>half) << 2);
    const offset = (<usize>token * <usize>args.width) << 2;
    for (let head: i32 = 0; head < args.width; head += 2 * half)
      rotate(args.x + offset + ((<usize>head) << 2), args.y + offset + ((<usize>head) << 2), cos, sin, half, args.sign);
  }
}

function rotate(x: usize, y: usize, cos: usize, sin: usize, half: i32, sign: f32): void {
  const signs = f32x4.splat(sign);
  const other = x + ((<usize>half) << 2);
  const otherY = y + ((<usize>half) << 2);
  for (let i: i32 = 0; i < half; i += 4) {
    const c = load4(cos, i);
    const s = f32x4.mul(load4(sin, i), signs);
    const a = load4(x, i);
    const b = load4(other, i);
    put(y, i, half, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
    put(otherY, i, half, madd(a, s, f32x4.mul(b, c)));
  }
}
