/** The peak rates: chains of multiply-adds in registers, as many as a tile of a product has, and copies through memory. */

import { madd, sumOf } from './vector.wasm';

@unmanaged
class Peak {
  /** Two numbers: the factors of the chains. */
  numbers: usize;
  /** A number for each thread. */
  sink: usize;
  rounds: i32;
}

/** A unit does `rounds` rounds of twelve multiply-adds of four numbers. */
export function multiply_adds(args: Peak, from: i32, to: i32, thread: i32): void {
  const a = v128.load32_splat(args.numbers);
  const b = v128.load32_splat(args.numbers, 4);
  let s0 = a,
    s1 = b,
    s2 = a,
    s3 = b,
    s4 = a,
    s5 = b;
  let s6 = a,
    s7 = b,
    s8 = a,
    s9 = b,
    s10 = a,
    s11 = b;
  for (let i: i32 = (to - from) * args.rounds; i > 0; i--) {
    s0 = madd(s0, a, b);
    s1 = madd(s1, a, b);
    s2 = madd(s2, a, b);
    s3 = madd(s3, a, b);
    s4 = madd(s4, a, b);
    s5 = madd(s5, a, b);
    s6 = madd(s6, a, b);
    s7 = madd(s7, a, b);
    s8 = madd(s8, a, b);
    s9 = madd(s9, a, b);
    s10 = madd(s10, a, b);
    s11 = madd(s11, a, b);
  }
  const low = f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(s4, s5));
  const high = f32x4.add(f32x4.add(f32x4.add(s6, s7), f32x4.add(s8, s9)), f32x4.add(s10, s11));
  store<f32>(args.sink + ((<usize>thread) << 2), sumOf(f32x4.add(low, high)));
}

@unmanaged
class Copy {
  source: usize;
  target: usize;
  /** Bytes of a unit. */
  bytes: i32;
}

export function copy_bytes(args: Copy, from: i32, to: i32, _thread: i32): void {
  const at = <usize>from * <usize>args.bytes;
  memory.copy(args.target + at, args.source + at, <usize>(to - from) * <usize>args.bytes);
}
