/** y = a·b, of one shape. */

import { load4, put, UNIT } from './lib/elements.wasm';

@unmanaged
class Mul {
  a: usize;
  b: usize;
  y: usize;
  count: i32;
}

export function mul(args: Mul, from: i32, to: i32, _thread: i32): void {
  const end = min(to * UNIT, args.count);
  for (let i = from * UNIT; i < end; i += 4) put(args.y, i, end, f32x4.mul(load4(args.a, i), load4(args.b, i)));
}
