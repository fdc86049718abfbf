/**
 * Products with few rows: y [M, N] = a·wᵀ + scale·p·qᵀ + bias + addend, as decoding needs them. Each row of the weights is read once for
 * all rows of a, without packing. A unit of work is `UNIT` columns of y.
 */

import { load1 } from './elements.wasm';
import { BLOCK, F16, F32, fourAs, levelsAs, Matrix, numberAt, Q8, scaleAt } from './panels.wasm';
import { madd, sumOf } from './vector.wasm';

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
  const q = args.q;
  for (let column = from * UNIT; column < end; column++) {
    let sums = dots(args.w, column, args.a, args.rows);
    if (q !== null) sums = f32x4.add(sums, f32x4.mul(f32x4.splat(args.scale), dots(q, column, args.p, args.rows)));
    for (let row: i32 = 0; row < args.rows; row++) {
      const at = row * args.columns + column;
      let sum = f32x4.extract_lane(sums, 0);
      if (args.bias != 0) sum += load1(args.bias, column);
      if (args.addend != 0) sum += load1(args.addend, at);
      store<f32>(args.y + ((<usize>at) << 2), sum);
      sums = v128.shuffle<f32>(sums, sums, 1, 2, 3, 0);
    }
  }
}

/** The inner products of a row of the matrix with up to four rows of `x`, side by side. */
function dots(matrix: Matrix, row: i32, x: usize, rows: i32): v128 {
  const start = matrix.data + <usize>row * <usize>matrix.stride;
  if (matrix.stored == F32) return dotsAs<f32>(matrix, row, start, x, rows);
  if (matrix.stored == F16) return dotsAs<u16>(matrix, row, start, x, rows);
  if (matrix.stored == Q8) return dotsOfBlocks<i8>(matrix, row, start, x, rows);
  return dotsOfBlocks<u8>(matrix, row, start, x, rows);
}

function dotsAs<T>(matrix: Matrix, row: i32, w: usize, x: usize, rows: i32): v128 {
  const count = matrix.columns;
  const whole = count & ~3;
  if (rows == 1) return rest(matrix, row, x, rows, whole, f32x4.replace_lane(f32x4.splat(0), 0, dotAs<T>(w, x, whole)));
  // Rows that are not there are the first one again.
  const stride = (<usize>count) << 2;
  const b = x + stride;
  const c = rows > 2 ? b + stride : x;
  const d = rows > 3 ? c + stride : x;
  let a0 = f32x4.splat(0),
    a1 = a0,
    b0 = a0,
    b1 = a0,
    c0 = a0,
    c1 = a0,
    d0 = a0,
    d1 = a0;
  let k: usize = 0;
  const bytes = (<usize>whole) << 2;
  for (; k + 32 <= bytes; k += 32, w += 8 * sizeof<T>()) {
    const low = fourAs<T>(w);
    const high = fourAs<T>(w + 4 * sizeof<T>());
    a0 = madd(low, v128.load(x + k), a0);
    a1 = madd(high, v128.load(x + k, 16), a1);
    b0 = madd(low, v128.load(b + k), b0);
    b1 = madd(high, v128.load(b + k, 16), b1);
    c0 = madd(low, v128.load(c + k), c0);
    c1 = madd(high, v128.load(c + k, 16), c1);
    d0 = madd(low, v128.load(d + k), d0);
    d1 = madd(high, v128.load(d + k, 16), d1);
  }
  if (k < bytes) {
    const low = fourAs<T>(w);
    a0 = madd(low, v128.load(x + k), a0);
    b0 = madd(low, v128.load(b + k), b0);
    c0 = madd(low, v128.load(c + k), c0);
    d0 = madd(low, v128.load(d + k), d0);
  }
  return rest(matrix, row, x, rows, whole, sumsOf(f32x4.add(a0, a1), f32x4.add(b0, b1), f32x4.add(c0, c1), f32x4.add(d0, d1)));
}

function dotAs<T>(w: usize, x: usize, count: i32): f32 {
  let even = f32x4.splat(0);
  let odd = even;
  let k: i32 = 0;
  for (; k + 8 <= count; k += 8, w += 8 * sizeof<T>(), x += 32) {
    even = madd(fourAs<T>(w), v128.load(x), even);
    odd = madd(fourAs<T>(w + 4 * sizeof<T>()), v128.load(x, 16), odd);
  }
  if (k < count) even = madd(fourAs<T>(w), v128.load(x), even);
  return sumOf(f32x4.add(even, odd));
}

/** The sums of four vectors, side by side; each in the order of `sumOf`. */
function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const first = v128.shuffle<f32>(a, b, 0, 4, 2, 6);
  const second = v128.shuffle<f32>(a, b, 1, 5, 3, 7);
  const ab = f32x4.add(first, second);
  const third = v128.shuffle<f32>(c, d, 0, 4, 2, 6);
  const fourth = v128.shuffle<f32>(c, d, 1, 5, 3, 7);
  const cd = f32x4.add(third, fourth);
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** The sums with the columns from `first` on added. */
function rest(matrix: Matrix, row: i32, x: usize, rows: i32, first: i32, sums: v128): v128 {
  const columns = matrix.columns;
  for (let k = first; k < columns; k++) {
    const number = numberAt(matrix, row, k);
    let numbers = f32x4.replace_lane(f32x4.splat(0), 0, load1(x, k));
    if (rows > 1) numbers = f32x4.replace_lane(numbers, 1, load1(x, columns + k));
    if (rows > 2) numbers = f32x4.replace_lane(numbers, 2, load1(x, 2 * columns + k));
    if (rows > 3) numbers = f32x4.replace_lane(numbers, 3, load1(x, 3 * columns + k));
    sums = madd(f32x4.splat(number), numbers, sums);
  }
  return sums;
}

function dotsOfBlocks<T>(matrix: Matrix, row: i32, start: usize, x: usize, rows: i32): v128 {
  const whole = matrix.columns & ~3;
  const stride = (<usize>matrix.columns) << 2;
  const a = dotOfBlocks<T>(matrix, row, start, x, whole);
  let sums = f32x4.replace_lane(f32x4.splat(0), 0, a);
  if (rows > 1) sums = f32x4.replace_lane(sums, 1, dotOfBlocks<T>(matrix, row, start, x + stride, whole));
  if (rows > 2) sums = f32x4.replace_lane(sums, 2, dotOfBlocks<T>(matrix, row, start, x + 2 * stride, whole));
  if (rows > 3) sums = f32x4.replace_lane(sums, 3, dotOfBlocks<T>(matrix, row, start, x + 3 * stride, whole));
  return rest(matrix, row, x, rows, whole, sums);
}

function dotOfBlocks<T>(matrix: Matrix, row: i32, start: usize, x: usize, count: i32): f32 {
  const levels = matrix.scales;
  let sum = f32x4.splat(0);
  for (let k: i32 = 0; k < count; k += BLOCK) {
    const end = min(k + BLOCK, count);
    let inner = f32x4.splat(0);
    for (let i = k; i < end; i += 4) inner = madd(levelsAs<T>(levels, start, i), v128.load(x + ((<usize>i) << 2)), inner);
    sum = madd(inner, f32x4.splat(scaleAt(matrix, row, k)), sum);
  }
  return sumOf(sum);
}
