/** Sums over the runs of a matrix: gradients of biases, and of the weights of norms. A unit of work is `WIDE` columns. */

import { load1, load4, put } from './elements.wasm';
import { madd } from './vector.wasm';

/** The same as `WIDE` in processor.ts. */
const WIDE: i32 = 16;
/** Runs that are summed before they are added to the total: a long running sum loses small terms. */
const PART: i32 = 128;

@unmanaged
class ColumnSums {
  values: usize;
  sums: usize;
  /** Of a norm: the sums are those of values·(x − mean)·rstd; 0 for plain sums. */
  x: usize;
  rstd: usize;
  /** 0 where there is none. */
  mean: usize;
  /** The plain sums; 0 if they are not wanted. */
  plain: usize;
  width: i32;
  runs: i32;
}

export function column_sums(args: ColumnSums, from: i32, to: i32, _thread: i32): void {
  const end = min(to * WIDE, args.width);
  for (let column = from * WIDE; column < end; column += 4) {
    let total = f32x4.splat(0);
    let plain = total;
    for (let run: i32 = 0; run < args.runs; run += PART) {
      const stop = min(run + PART, args.runs);
      total = f32x4.add(total, args.x == 0 ? sumOfRuns(args, run, stop, column) : sumOfUnits(args, run, stop, column));
      if (args.plain != 0) plain = f32x4.add(plain, sumOfRuns(args, run, stop, column));
    }
    put(args.sums, column, end, total);
    if (args.plain != 0) put(args.plain, column, end, plain);
  }
}

function sumOfRuns(args: ColumnSums, from: i32, to: i32, column: i32): v128 {
  let sum = f32x4.splat(0);
  for (let run = from; run < to; run++) sum = f32x4.add(sum, load4(args.values, run * args.width + column));
  return sum;
}

function sumOfUnits(args: ColumnSums, from: i32, to: i32, column: i32): v128 {
  let sum = f32x4.splat(0);
  for (let run = from; run < to; run++) {
    const i = run * args.width + column;
    const centred = args.mean == 0 ? load4(args.x, i) : f32x4.sub(load4(args.x, i), f32x4.splat(load1(args.mean, run)));
    sum = madd(load4(args.values, i), f32x4.mul(centred, f32x4.splat(load1(args.rstd, run))), sum);
  }
  return sum;
}
