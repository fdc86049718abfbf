/** y = x·factor + shift + addend, with a factor and a shift for each column. A unit of work is `rowsEach` rows. */

import { load4, put } from './lib/elements.wasm';
import { madd } from './lib/vector.wasm';

@unmanaged
class ColumnAffine {
  x: usize;
  factor: usize;
  /** 0 for none. */
  shift: usize;
  addend: usize;
  y: usize;
  columns: i32;
  rows: i32;
  rowsEach: i32;
}

export function column_affine(args: ColumnAffine, from: i32, to: i32, _thread: i32): void {
  const columns = args.columns;
  const end = min(to * args.rowsEach, args.rows);
  for (let row = from * args.rowsEach; row < end; row++) {
    const offset = (<usize>row * <usize>columns) << 2;
    for (let j: i32 = 0; j < columns; j += 4) {
      const x = load4(args.x + offset, j);
      const factor = load4(args.factor, j);
      let y = args.shift == 0 ? f32x4.mul(x, factor) : madd(x, factor, load4(args.shift, j));
      if (args.addend != 0) y = f32x4.add(y, load4(args.addend + offset, j));
      put(args.y + offset, j, columns, y);
    }
  }
}
