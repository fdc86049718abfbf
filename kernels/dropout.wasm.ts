/** y = x/(1 − rate) where the element's random number is at least the rate, else 0. */

import { load4, put, UNIT } from './lib/elements.wasm';

@unmanaged
class Dropout {
  x: usize;
  /** The bits of (seed, step). */
  seed: usize;
  y: usize;
  rate: f32;
  scale: f32;
  stream: i32;
  count: i32;
}

export function dropout(args: Dropout, from: i32, to: i32, _thread: i32): void {
  const end = min(to * UNIT, args.count);
  const x0 = mixed(load<i32>(args.seed));
  const y0 = mixed(load<i32>(args.seed, 4));
  const z0 = mixed(args.stream);
  const rate = f32x4.splat(args.rate);
  const factor = f32x4.splat(args.scale);
  for (let i = from * UNIT; i < end; i += 4) {
    const index = i32x4.add(i32x4.splat(i), i32x4(0, 1, 2, 3));
    const kept = f32x4.ge(uniform(x0, y0, z0, index), rate);
    put(args.y, i, end, v128.and(f32x4.mul(load4(args.x, i), factor), kept));
  }
}

function mixed(word: i32): v128 {
  return i32x4.splat(word * 1664525 + 1013904223);
}

/** Numbers in [0, 1), with the same bits as src/core/random.ts (PCG4D, Jarzynski and Olano 2020). */
function uniform(x: v128, y: v128, z: v128, index: v128): v128 {
  let w: v128 = i32x4.add(i32x4.mul(index, i32x4.splat(1664525)), i32x4.splat(1013904223));
  x = i32x4.add(x, i32x4.mul(y, w));
  y = i32x4.add(y, i32x4.mul(z, x));
  z = i32x4.add(z, i32x4.mul(x, y));
  w = i32x4.add(w, i32x4.mul(y, z));
  x = v128.xor(x, i32x4.shr_u(x, 16));
  y = v128.xor(y, i32x4.shr_u(y, 16));
  w = v128.xor(w, i32x4.shr_u(w, 16));
  x = i32x4.add(x, i32x4.mul(y, w));
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(x, 8)), f32x4.splat(1 / 16777216));
}
