/** The root of the sum of squares of each row, or its reciprocal. A unit of work is `RUNS` rows. */

import { before, load4 } from './lib/elements.wasm';
import { RUNS } from './lib/norm.wasm';
import { madd, sumOf } from './lib/vector.wasm';

@unmanaged
class RowNorm {
  x: usize;
  y: usize;
  reciprocal: i32;
  width: i32;
  rows: i32;
}

export function row_norm(args: RowNorm, from: i32, to: i32, _thread: i32): void {
  const end = min(to * RUNS, args.rows);
  for (let row = from * RUNS; row < end; row++) {
    const x = args.x + ((<usize>row * <usize>args.width) << 2);
    let squares = f32x4.splat(0);
    for (let i: i32 = 0; i < args.width; i += 4) {
      const part = before(load4(x, i), i, args.width);
      squares = madd(part, part, squares);
    }
    const size = sqrt(sumOf(squares));
    store<f32>(args.y + ((<usize>row) << 2), args.reciprocal ? 1 / size : size);
  }
}
