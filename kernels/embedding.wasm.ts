/** Rows of a table by index, and the sums of rows by segment. */

import { load4, put } from './lib/elements.wasm';
import { RUNS } from './lib/norm.wasm';
import { fromF16 } from './lib/vector.wasm';

@unmanaged
class Embedding {
  table: usize;
  f16: i32;
  ids: usize;
  rows: usize;
  width: i32;
  count: i32;
}

/** A unit of work is `RUNS` rows. */
export function embedding(args: Embedding, from: i32, to: i32, _thread: i32): void {
  const width = args.width;
  const end = min(to * RUNS, args.count);
  for (let m = from * RUNS; m < end; m++) {
    const id = load<i32>(args.ids + ((<usize>m) << 2));
    const out = args.rows + ((<usize>m * <usize>width) << 2);
    if (id < 0) {
      memory.fill(out, 0, (<usize>width) << 2);
      continue;
    }
    const start = <usize>id * <usize>width;
    if (!args.f16) memory.copy(out, args.table + (start << 2), (<usize>width) << 2);
    else
      for (let i: i32 = 0; i < width; i += 4)
        put(out, i, width, fromF16(v128.load16x4_u(args.table + ((start + <usize>i) << 1))));
  }
}

/** The same as `WIDE` in processor.ts. */
const WIDE: i32 = 16;

@unmanaged
class SegmentSum {
  x: usize;
  segments: usize;
  y: usize;
  width: i32;
  rows: i32;
  /** Rows of y. */
  count: i32;
}

/** A unit of work is `WIDE` columns. */
export function segment_sum(args: SegmentSum, from: i32, to: i32, _thread: i32): void {
  const width = args.width;
  const first = from * WIDE;
  const end = min(to * WIDE, width);
  for (let s: i32 = 0; s < args.count; s++)
    memory.fill(args.y + ((<usize>s * <usize>width + <usize>first) << 2), 0, (<usize>(end - first)) << 2);
  for (let m: i32 = 0; m < args.rows; m++) {
    const segment = load<i32>(args.segments + ((<usize>m) << 2));
    if (segment < 0) continue;
    const x = args.x + ((<usize>m * <usize>width) << 2);
    const y = args.y + ((<usize>segment * <usize>width) << 2);
    for (let j = first; j < end; j += 4) put(y, j, end, f32x4.add(load4(y, j), load4(x, j)));
  }
}
