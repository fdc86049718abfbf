/** Writes rows, rounded to f16, to the cache. A unit of work is `RUNS` rows. */

import { load1 } from './lib/elements.wasm';
import { RUNS } from './lib/norm.wasm';
import { toF16 } from './lib/vector.wasm';

@unmanaged
class CacheWrite {
  cache: usize;
  x: usize;
  rows: usize;
  width: i32;
  /** Rows of the cache, and of x. */
  all: i32;
  count: i32;
}

/** The largest finite f16. */
const LARGEST: f32 = 65504;

export function cache_write(args: CacheWrite, from: i32, to: i32, _thread: i32): void {
  const width = args.width;
  const end = min(to * RUNS, args.count);
  for (let m = from * RUNS; m < end; m++) {
    const row = load<i32>(args.rows + ((<usize>m) << 2));
    if (row < 0 || row >= args.all) continue;
    const x = args.x + ((<usize>m * <usize>width) << 2);
    const out = args.cache + ((<usize>row * <usize>width) << 1);
    for (let i: i32 = 0; i < width; i++) {
      const number = load1(x, i);
      const clamped = number > LARGEST ? LARGEST : number < -LARGEST ? -LARGEST : number;
      store<u16>(out + ((<usize>i) << 1), toF16(clamped));
    }
  }
}
