/** Copies a range of columns of each row, or zeros. A unit of work is `rowsEach` rows. */

@unmanaged
class CopyColumns {
  /** 0 for zeros. */
  x: usize;
  xColumns: i32;
  xStart: i32;
  y: usize;
  yColumns: i32;
  yStart: i32;
  width: i32;
  rows: i32;
  rowsEach: i32;
}

export function copy_columns(args: CopyColumns, from: i32, to: i32, _thread: i32): void {
  const end = min(to * args.rowsEach, args.rows);
  const bytes = (<usize>args.width) << 2;
  for (let row = from * args.rowsEach; row < end; row++) {
    const y = args.y + ((<usize>row * <usize>args.yColumns + <usize>args.yStart) << 2);
    if (args.x == 0) memory.fill(y, 0, bytes);
    else memory.copy(y, args.x + ((<usize>row * <usize>args.xColumns + <usize>args.xStart) << 2), bytes);
  }
}
