/**
 * Products with few rows: y [M, N] = a·wᵀ + scale·p·qᵀ + bias + addend, as decoding needs them. Each row of the weights is read once for
 * all rows of a, without packing. A unit of work is `UNIT` columns of y.
 */

import { load1 } from './elements.wasm';
import { BLOCK, F16, F32, levelsAt, Matrix, numberAt, scaleAt } from './panels.wasm';
import { fromF16, madd, sumOf } from './vector.wasm';

/** The same as `FEW_COLUMNS` in processor.ts. */
const UNIT: i32 = 32;

@unmanaged
class FewRows {
  a: usize;
  w: Matrix;
  /** [M, rank], or 0 for none. */
  p: usize;
  q: Matrix | null;
  scale: f32;
  y: usize;
  rows: i32;
  columns: i32;
  bias: usize;
  addend: usize;
}

export function few_rows(args: FewRows, from: i32, to: i32, _thread: i32): void {
  const end = min(to * UNIT, args.columns);
  const depth = args.w.columns;
  const q = args.q;
  for (let column = from * UNIT; column < end; column++)
    for (let row: i32 = 0; row < args.rows; row++) {
      let sum = dot(args.w, column, args.a + ((<usize>row * <usize>depth) << 2));
      if (q !== null) sum += args.scale * dot(q, column, args.p + ((<usize>row * <usize>q.columns) << 2));
      const at = row * args.columns + column;
      if (args.bias != 0) sum += load1(args.bias, column);
      if (args.addend != 0) sum += load1(args.addend, at);
      store<f32>(args.y + ((<usize>at) << 2), sum);
    }
}

/** The inner product of a row of the matrix and of `x`. */
function dot(matrix: Matrix, row: i32, x: usize): f32 {
  const start = matrix.data + <usize>row * <usize>matrix.stride;
  const columns = matrix.columns;
  const whole = columns & ~3;
  let sum: f32 = 0;
  if (matrix.stored == F32) sum = dotF32(start, x, whole);
  else if (matrix.stored == F16) sum = dotF16(start, x, whole);
  else sum = dotQuantised(matrix, row, start, x, whole);
  for (let k = whole; k < columns; k++) sum += numberAt(matrix, row, k) * load1(x, k);
  return sum;
}

function dotF32(w: usize, x: usize, count: i32): f32 {
  let even = f32x4.splat(0);
  let odd = even;
  let k: i32 = 0;
  for (; k + 8 <= count; k += 8, w += 32, x += 32) {
    even = madd(v128.load(w), v128.load(x), even);
    odd = madd(v128.load(w, 16), v128.load(x, 16), odd);
  }
  if (k < count) even = madd(v128.load(w), v128.load(x), even);
  return sumOf(f32x4.add(even, odd));
}

function dotF16(w: usize, x: usize, count: i32): f32 {
  let even = f32x4.splat(0);
  let odd = even;
  let k: i32 = 0;
  for (; k + 8 <= count; k += 8, w += 16, x += 32) {
    even = madd(fromF16(v128.load16x4_u(w)), v128.load(x), even);
    odd = madd(fromF16(v128.load16x4_u(w, 8)), v128.load(x, 16), odd);
  }
  if (k < count) even = madd(fromF16(v128.load16x4_u(w)), v128.load(x), even);
  return sumOf(f32x4.add(even, odd));
}

function dotQuantised(matrix: Matrix, row: i32, start: usize, x: usize, count: i32): f32 {
  let sum = f32x4.splat(0);
  for (let k: i32 = 0; k < count; k += BLOCK) {
    const end = min(k + BLOCK, count);
    let inner = f32x4.splat(0);
    for (let i = k; i < end; i += 4) inner = madd(levelsAt(matrix, start, i), v128.load(x + ((<usize>i) << 2)), inner);
    sum = madd(inner, f32x4.splat(scaleAt(matrix, row, k)), sum);
  }
  return sumOf(sum);
}
