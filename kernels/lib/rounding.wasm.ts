/** Rounding to f16 in place. */

import { scalarFromF16, toF16 } from './vector.wasm';

@unmanaged
class Rounding {
  data: usize;
  count: i32;
}

/** Numbers of a unit of work. */
const UNIT: i32 = 4096;

export function round_f16(args: Rounding, from: i32, to: i32, _thread: i32): void {
  const end = args.data + ((<usize>min(to * UNIT, args.count)) << 2);
  for (let at = args.data + ((<usize>(from * UNIT)) << 2); at < end; at += 4) store<f32>(at, scalarFromF16(toF16(load<f32>(at))));
}
