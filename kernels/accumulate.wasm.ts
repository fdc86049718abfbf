/** state += factor·x. */

import { load4, put, UNIT } from './lib/elements.wasm';
import { madd } from './lib/vector.wasm';

@unmanaged
class Accumulate {
  state: usize;
  x: usize;
  /** [1], or 0 for 1. */
  factor: usize;
  count: i32;
}

export function accumulate(args: Accumulate, from: i32, to: i32, _thread: i32): void {
  const end = min(to * UNIT, args.count);
  const factor = f32x4.splat(args.factor == 0 ? 1 : load<f32>(args.factor));
  for (let i = from * UNIT; i < end; i += 4) put(args.state, i, end, madd(load4(args.x, i), factor, load4(args.state, i)));
}
