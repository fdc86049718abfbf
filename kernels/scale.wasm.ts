/** y = x·s[0], and y [1] = Σ x·w. */

import { before, load4, put, UNIT } from './lib/elements.wasm';
import { madd, sumOf } from './lib/vector.wasm';

@unmanaged
class Scale {
  x: usize;
  s: usize;
  y: usize;
  count: i32;
}

export function scale(args: Scale, from: i32, to: i32, _thread: i32): void {
  const end = min(to * UNIT, args.count);
  const factor = f32x4.splat(load<f32>(args.s));
  for (let i = from * UNIT; i < end; i += 4) put(args.y, i, end, f32x4.mul(load4(args.x, i), factor));
}

@unmanaged
class Products {
  x: usize;
  w: usize;
  /** The sum of each unit. */
  sums: usize;
  count: i32;
}

/** The sum of the products of each unit. */
export function product_sums(args: Products, from: i32, to: i32, _thread: i32): void {
  for (let unit = from; unit < to; unit++) {
    const end = min((unit + 1) * UNIT, args.count);
    let even = f32x4.splat(0);
    let odd = even;
    for (let i = unit * UNIT; i < end; i += 8) {
      even = madd(before(load4(args.x, i), i, end), before(load4(args.w, i), i, end), even);
      odd = madd(before(load4(args.x, i + 4), i + 4, end), before(load4(args.w, i + 4), i + 4, end), odd);
    }
    store<f32>(args.sums + ((<usize>unit) << 2), sumOf(f32x4.add(even, odd)));
  }
}

@unmanaged
class Total {
  sums: usize;
  y: usize;
  count: i32;
  /** The result is the root of the total, divided by divisor[0] if there is one. */
  root: i32;
  divisor: usize;
}

/** The sum of `count` numbers, or its root. One unit. */
export function total(args: Total, _from: i32, _to: i32, _thread: i32): void {
  let sum: f64 = 0;
  for (let i: i32 = 0; i < args.count; i++) sum += <f64>load<f32>(args.sums + ((<usize>i) << 2));
  let result = <f32>(args.root ? sqrt(sum) : sum);
  if (args.divisor != 0) result /= load<f32>(args.divisor);
  store<f32>(args.y, result);
}
