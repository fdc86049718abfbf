/** sum = a + b. */

import { load4, put, UNIT } from './lib/elements.wasm';

@unmanaged
class Add {
  a: usize;
  b: usize;
  sum: usize;
  count: i32;
}

export function add(args: Add, from: i32, to: i32, _thread: i32): void {
  const end = min(to * UNIT, args.count);
  for (let i = from * UNIT; i < end; i += 4) put(args.sum, i, end, f32x4.add(load4(args.a, i), load4(args.b, i)));
}
