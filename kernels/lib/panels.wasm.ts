/**
 * Panels: matrices in the order in which the product reads them. A panel of the first factor has six rows, of the second one eight
 * columns; for each step of the depth it holds their six or eight numbers side by side, zeros beyond the edge. Weights are converted
 * to f32 on the way: once for all rows of a product.
 */

import { fromF16, scalarFromF16 } from './vector.wasm';

/** Rows of a panel of the first factor, and columns of one of the second. */
export const ROWS: i32 = 6;
export const COLUMNS: i32 = 8;

/** How a matrix is stored; the same numbers as `STORED` in processor.ts. */
export const F32: i32 = 0;
export const F16: i32 = 1;
export const Q8: i32 = 2;
export const Q4: i32 = 3;

/** Numbers of a quantised block, and blocks of a group; see src/core/quantised.ts. */
export const BLOCK: i32 = 64;
const GROUP: i32 = 256;

/** A matrix in memory, row by row. `scales` of quantised ones: the region of their scales. */
@unmanaged
export class Matrix {
  data: usize;
  scales: usize;
  stored: i32;
  rows: i32;
  columns: i32;
  /** Bytes from one row to the next. */
  stride: i32;
}

/** The scale of the block that holds the number of a row and a column. */
export function scaleAt(matrix: Matrix, row: i32, column: i32): f32 {
  const block = row * ((matrix.columns + BLOCK - 1) / BLOCK) + column / BLOCK;
  if (matrix.stored == Q8) return load<f32>(matrix.scales + ((<usize>block) << 2));
  const groups = (matrix.rows * ((matrix.columns + BLOCK - 1) / BLOCK) + GROUP - 1) / GROUP;
  const group = matrix.scales + 64 + ((<usize>(block / GROUP)) << 3);
  const byte = load<u8>(matrix.scales + 64 + ((<usize>groups) << 3) + block);
  return load<f32>(group) + load<f32>(group, 4) * <f32>byte;
}

/** One number of the matrix. */
export function numberAt(matrix: Matrix, row: i32, column: i32): f32 {
  const start = matrix.data + <usize>row * <usize>matrix.stride;
  if (matrix.stored == F32) return load<f32>(start + ((<usize>column) << 2));
  if (matrix.stored == F16) return scalarFromF16(load<u16>(start + ((<usize>column) << 1)));
  if (matrix.stored == Q8) return scaleAt(matrix, row, column) * <f32>load<i8>(start + column);
  const code = ((<i32>load<u8>(start + (column >> 1))) >> ((column & 1) << 2)) & 15;
  return scaleAt(matrix, row, column) * load<f32>(matrix.scales + ((<usize>code) << 2));
}

/**
 * Four numbers of a quantised row that begins at `start`, before they are multiplied by the scale of their block. T: i8 for q8, u8 for
 * q4, whose levels are at `levels`.
 */
export function levelsAs<T>(levels: usize, start: usize, column: i32): v128 {
  if (isSigned<T>()) {
    const codes = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(start + column)));
    return f32x4.convert_i32x4_s(codes);
  }
  const codes = <u32>load<u16>(start + (column >> 1));
  let numbers = v128.load32_zero(levels + ((codes & 15) << 2));
  numbers = v128.load32_lane(levels + (((codes >> 4) & 15) << 2), numbers, 1);
  numbers = v128.load32_lane(levels + (((codes >> 8) & 15) << 2), numbers, 2);
  return v128.load32_lane(levels + ((codes >> 12) << 2), numbers, 3);
}

/** Four numbers at an address. T: f32, or u16 for f16. */
export function fourAs<T>(at: usize): v128 {
  return sizeof<T>() == 4 ? v128.load(at) : fromF16(v128.load16x4_u(at));
}

/** Stores the transpose of four rows of four at `out`, `stride` bytes apart. */
function storeTransposed(a: v128, b: v128, c: v128, d: v128, out: usize, stride: usize): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  v128.store(out, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  v128.store(out + stride, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(out + 2 * stride, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
  v128.store(out + 3 * stride, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
}

/**
 * A panel of columns [first, first + 8) of the second factor and depth [from, to), at `out`. `transposed`: the matrix has the columns
 * of the factor in its rows.
 */
export function packColumns(matrix: Matrix, transposed: bool, first: i32, from: i32, to: i32, out: usize): void {
  const count = transposed ? matrix.rows : matrix.columns;
  if (first + COLUMNS > count) packColumnEdge(matrix, transposed, first, from, to, out);
  else if (transposed) packRowsOf(matrix, first, from, to, out);
  else packColumnsOf(matrix, first, from, to, out);
}

/** Eight rows of the matrix, transposed. */
function packRowsOf(matrix: Matrix, first: i32, from: i32, to: i32, out: usize): void {
  if (matrix.stored == F32) packRowsAs<f32>(matrix, first, from, to, out);
  else if (matrix.stored == F16) packRowsAs<u16>(matrix, first, from, to, out);
  else if (matrix.stored == Q8) packBlocksAs<i8>(matrix, first, from, to, out);
  else packBlocksAs<u8>(matrix, first, from, to, out);
}

function packRowsAs<T>(matrix: Matrix, first: i32, from: i32, to: i32, out: usize): void {
  const stride = <usize>matrix.stride;
  let at = matrix.data + <usize>first * stride + <usize>from * sizeof<T>();
  let k = from;
  for (; k + 4 <= to; k += 4, at += 4 * sizeof<T>(), out += 4 * 32) {
    const low = fourAs<T>(at);
    storeTransposed(low, fourAs<T>(at + stride), fourAs<T>(at + 2 * stride), fourAs<T>(at + 3 * stride), out, 32);
    const next = at + 4 * stride;
    const high = fourAs<T>(next);
    storeTransposed(high, fourAs<T>(next + stride), fourAs<T>(next + 2 * stride), fourAs<T>(next + 3 * stride), out + 16, 32);
  }
  for (; k < to; k++, out += 32)
    for (let j: i32 = 0; j < COLUMNS; j++) store<f32>(out + ((<usize>j) << 2), numberAt(matrix, first + j, k));
}

/** The same for quantised rows, block by block, because the numbers of a block share a scale. */
function packBlocksAs<T>(matrix: Matrix, first: i32, from: i32, to: i32, out: usize): void {
  for (let k = from; k < to;) {
    const end = min(to, (k / BLOCK + 1) * BLOCK);
    for (let j: i32 = 0; j < COLUMNS; j += 4) packBlockAs<T>(matrix, first + j, k, end, out + ((<usize>j) << 2));
    out += (<usize>(end - k)) << 5;
    k = end;
  }
}

/** Steps [from, to) of four rows, in one block of each. */
function packBlockAs<T>(matrix: Matrix, row: i32, from: i32, to: i32, out: usize): void {
  const levels = matrix.scales;
  const stride = <usize>matrix.stride;
  const start = matrix.data + <usize>row * stride;
  const a = f32x4.splat(scaleAt(matrix, row, from));
  const b = f32x4.splat(scaleAt(matrix, row + 1, from));
  const c = f32x4.splat(scaleAt(matrix, row + 2, from));
  const d = f32x4.splat(scaleAt(matrix, row + 3, from));
  let k = from;
  for (; k + 4 <= to; k += 4, out += 4 * 32)
    storeTransposed(
      f32x4.mul(levelsAs<T>(levels, start, k), a),
      f32x4.mul(levelsAs<T>(levels, start + stride, k), b),
      f32x4.mul(levelsAs<T>(levels, start + 2 * stride, k), c),
      f32x4.mul(levelsAs<T>(levels, start + 3 * stride, k), d),
      out,
      32,
    );
  for (; k < to; k++, out += 32)
    for (let j: i32 = 0; j < 4; j++) store<f32>(out + ((<usize>j) << 2), numberAt(matrix, row + j, k));
}

/** Eight columns of the matrix. */
function packColumnsOf(matrix: Matrix, first: i32, from: i32, to: i32, out: usize): void {
  if (matrix.stored == F32) packColumnsAs<f32>(matrix, first, from, to, out);
  else if (matrix.stored == F16) packColumnsAs<u16>(matrix, first, from, to, out);
  else if (matrix.stored == Q8) packLevelsAs<i8>(matrix, first, from, to, out);
  else packLevelsAs<u8>(matrix, first, from, to, out);
}

/** Eight columns of a quantised matrix, which are in one block of each row. */
function packLevelsAs<T>(matrix: Matrix, first: i32, from: i32, to: i32, out: usize): void {
  const levels = matrix.scales;
  const stride = <usize>matrix.stride;
  let start = matrix.data + <usize>from * stride;
  for (let k = from; k < to; k++, start += stride, out += 32) {
    const scale = f32x4.splat(scaleAt(matrix, k, first));
    v128.store(out, f32x4.mul(levelsAs<T>(levels, start, first), scale));
    v128.store(out, f32x4.mul(levelsAs<T>(levels, start, first + 4), scale), 16);
  }
}

function packColumnsAs<T>(matrix: Matrix, first: i32, from: i32, to: i32, out: usize): void {
  const stride = <usize>matrix.stride;
  let at = matrix.data + <usize>from * stride + <usize>first * sizeof<T>();
  for (let k = from; k < to; k++, at += stride, out += 32) {
    v128.store(out, fourAs<T>(at));
    v128.store(out, fourAs<T>(at + 4 * sizeof<T>()), 16);
  }
}

function packColumnEdge(matrix: Matrix, transposed: bool, first: i32, from: i32, to: i32, out: usize): void {
  const count = transposed ? matrix.rows : matrix.columns;
  for (let k = from; k < to; k++, out += 32)
    for (let j: i32 = 0; j < COLUMNS; j++) {
      const inside = first + j < count;
      const number: f32 = inside ? (transposed ? numberAt(matrix, first + j, k) : numberAt(matrix, k, first + j)) : 0;
      store<f32>(out + ((<usize>j) << 2), number);
    }
}

/** Panels of columns that are packed together, because one after another would read each cache line of a row several times. */
export const ABREAST: i32 = 4;

/**
 * Panels of rows [first, end) of the first factor, times `factor`, over its whole depth, the first one at `out`, each `bytes` after the
 * one before. `transposed`: the matrix, f32, has the rows of the factor in its columns.
 */
export function packRows(matrix: Matrix, transposed: bool, first: i32, end: i32, factor: f32, out: usize, bytes: usize): void {
  const whole = min(end, transposed ? matrix.columns : matrix.rows) - ROWS;
  let row = first;
  while (row <= whole) {
    let panels: i32 = 1;
    if (transposed) {
      panels = min(ABREAST, (whole - row) / ROWS + 1);
      packColumnsOfSix(matrix, row, panels, factor, out, bytes);
    } else packSixRows(matrix, row, matrix.columns, factor, out);
    row += panels * ROWS;
    out += <usize>panels * bytes;
  }
  if (row < end) packRowEdge(matrix, transposed, row, factor, out);
}

/** Columns of the matrix, six a panel. */
function packColumnsOfSix(matrix: Matrix, first: i32, panels: i32, factor: f32, out: usize, bytes: usize): void {
  const factors = f32x4.splat(factor);
  const stride = <usize>matrix.stride;
  let start = matrix.data + ((<usize>first) << 2);
  for (let k: i32 = 0; k < matrix.rows; k++, start += stride, out += 24) {
    let from = start;
    let panel = out;
    for (let i: i32 = 0; i < panels; i++, from += 24, panel += bytes) {
      v128.store(panel, f32x4.mul(v128.load(from), factors));
      v128.store64_lane(panel, f32x4.mul(v128.load64_zero(from, 16), factors), 0, 16);
    }
  }
}

function packSixRows(matrix: Matrix, first: i32, depth: i32, factor: f32, out: usize): void {
  const stride = <usize>matrix.stride;
  const factors = f32x4.splat(factor);
  const start = matrix.data + <usize>first * stride;
  let k: i32 = 0;
  for (; k + 4 <= depth; k += 4, out += 96) {
    const from = start + ((<usize>k) << 2);
    const a = f32x4.mul(v128.load(from), factors);
    const b = f32x4.mul(v128.load(from + stride), factors);
    const c = f32x4.mul(v128.load(from + 2 * stride), factors);
    const d = f32x4.mul(v128.load(from + 3 * stride), factors);
    storeTransposed(a, b, c, d, out, 24);
    const e = f32x4.mul(v128.load(from + 4 * stride), factors);
    const f = f32x4.mul(v128.load(from + 5 * stride), factors);
    const low = v128.shuffle<f32>(e, f, 0, 4, 1, 5);
    const high = v128.shuffle<f32>(e, f, 2, 6, 3, 7);
    v128.store64_lane(out, low, 0, 16);
    v128.store64_lane(out, low, 1, 40);
    v128.store64_lane(out, high, 0, 64);
    v128.store64_lane(out, high, 1, 88);
  }
  for (; k < depth; k++, out += 24)
    for (let i: i32 = 0; i < ROWS; i++) {
      const number = load<f32>(start + <usize>i * stride + ((<usize>k) << 2));
      store<f32>(out + ((<usize>i) << 2), number * factor);
    }
}

function packRowEdge(matrix: Matrix, transposed: bool, first: i32, factor: f32, out: usize): void {
  const count = transposed ? matrix.columns : matrix.rows;
  const depth = transposed ? matrix.rows : matrix.columns;
  for (let k: i32 = 0; k < depth; k++, out += 24)
    for (let i: i32 = 0; i < ROWS; i++) {
      const inside = first + i < count;
      const number: f32 = inside ? (transposed ? numberAt(matrix, k, first + i) : numberAt(matrix, first + i, k)) : 0;
      store<f32>(out + ((<usize>i) << 2), number * factor);
    }
}
