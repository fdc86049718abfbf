/**
 * Matrix products over panels: y [M, N] = Σ a·b over the depth, then + bias + addend, or added to what y holds. The depth may have a
 * second part, the low-rank update, whose factors are packed behind those of the first one.
 *
 * The first factor is packed once into memory that all threads read. The second one is packed in blocks of some columns and at most
 * `DEPTH` of the depth, by the thread that multiplies them: a block stays in the second-level cache while all rows go over it. A tile
 * of 6 × 8 sums is held in registers. Every element of y is summed in the order of the depth, so the result does not depend on how
 * the work is cut.
 */

import { ABREAST, COLUMNS, fourAs, Matrix, packColumns, packRows, ROWS } from './panels.wasm';
import { madd, scalarFromF16 } from './vector.wasm';

/** The most of the depth that a block has. A panel of each factor fits the first-level cache. */
const DEPTH: i32 = 384;

/** Bytes at the start of a thread's memory for a tile at the edge of y; its block follows. */
const EDGE: usize = 256;

@unmanaged
export class PackRows {
  a: Matrix;
  transposed: i32;
  factor: f32;
  /** Panels of `depth` steps; this matrix begins at step `first` of each. */
  out: usize;
  depth: i32;
  first: i32;
}

/** Packs units [from, to) of `ABREAST` panels of the first factor. */
export function pack_rows(args: PackRows, from: i32, to: i32, _thread: i32): void {
  const bytes = <usize>args.depth * 24;
  const count = args.transposed ? args.a.columns : args.a.rows;
  const out = args.out + <usize>(from * ABREAST) * bytes + <usize>args.first * 24;
  packRows(args.a, args.transposed != 0, from * ABREAST * ROWS, min(to * ABREAST * ROWS, count), args.factor, out, bytes);
}

@unmanaged
export class Product {
  /** Panels of the first factor. */
  a: usize;
  w: Matrix;
  /** The weights have the columns of y in their rows. */
  transposed: i32;
  /** Depth of the first part. */
  depth: i32;
  /** The second part, or null. */
  q: Matrix | null;
  y: usize;
  rows: i32;
  columns: i32;
  /** f32 [N]; 0 for none. */
  bias: usize;
  /** f32 or f16 [M, N]; 0 for none. */
  addend: usize;
  addendF16: i32;
  accumulate: i32;
  /** Rows and columns of y in a unit of work; multiples of 6 and 8. */
  blockRows: i32;
  blockColumns: i32;
  /** For each thread `scratchBytes` of memory: a tile, and a block of the second factor. */
  scratch: usize;
  scratchBytes: i32;
}

/** Multiplies units [from, to): blocks of y, all blocks of rows for one block of columns after another. */
export function product(args: Product, from: i32, to: i32, thread: i32): void {
  const scratch = args.scratch + <usize>thread * <usize>args.scratchBytes;
  const rowBlocks = (args.rows + args.blockRows - 1) / args.blockRows;
  for (let unit = from; unit < to; unit++) {
    const column = (unit / rowBlocks) * args.blockColumns;
    const row = (unit % rowBlocks) * args.blockRows;
    multiplyBlock(args, row, min(row + args.blockRows, args.rows), column, scratch);
  }
}

function extent(args: Product): i32 {
  const q = args.q;
  if (q === null) return args.depth;
  return args.depth + (args.transposed ? q.columns : q.rows);
}

function multiplyBlock(args: Product, firstRow: i32, endRow: i32, firstColumn: i32, scratch: usize): void {
  const endColumn = min(firstColumn + args.blockColumns, args.columns);
  const all = extent(args);
  for (let k: i32 = 0; k < all; k += DEPTH) {
    const end = min(k + DEPTH, all);
    const panelBytes = (<usize>(end - k)) << 5;
    const block = scratch + EDGE;
    let panel = block;
    for (let column = firstColumn; column < endColumn; column += COLUMNS, panel += panelBytes)
      packBoth(args, column, k, end, panel);
    for (let row = firstRow; row < endRow; row += ROWS) {
      const a = args.a + (<usize>(row / ROWS) * <usize>all + <usize>k) * 24;
      panel = block;
      for (let column = firstColumn; column < endColumn; column += COLUMNS, panel += panelBytes)
        tileAt(args, row, column, a, panel, end - k, k > 0 || args.accumulate, end == all, scratch);
    }
  }
}

/** Packs steps [from, to) of both parts of the second factor. */
function packBoth(args: Product, column: i32, from: i32, to: i32, out: usize): void {
  const depth = args.depth;
  if (from < depth) packColumns(args.w, args.transposed != 0, column, from, min(to, depth), out);
  const q = args.q;
  if (q === null || to <= depth) return;
  const start = max(from, depth);
  packColumns(q, args.transposed != 0, column, start - depth, to - depth, out + ((<usize>(start - from)) << 5));
}

/** A tile whose corner is at `row` and `column`. At the edge it is computed in full and copied in part. */
function tileAt(args: Product, row: i32, column: i32, a: usize, b: usize, depth: i32, adds: bool, last: bool, edge: usize): void {
  const stride = (<usize>args.columns) << 2;
  const at = (<usize>row * <usize>args.columns + <usize>column) << 2;
  const rows = min(ROWS, args.rows - row);
  const columns = min(COLUMNS, args.columns - column);
  if (rows == ROWS && columns == COLUMNS) {
    tile(a, b, depth, args.y + at, stride, adds);
    if (last) finish(args, args.y + at, stride, at, column);
    return;
  }
  tile(a, b, depth, edge, 32, false);
  for (let i: i32 = 0; i < rows; i++)
    for (let j: i32 = 0; j < columns; j++) {
      const place = <usize>i * stride + ((<usize>j) << 2);
      const from = args.y + at + place;
      let sum = load<f32>(edge + ((<usize>(i * COLUMNS + j)) << 2));
      if (adds) sum += load<f32>(from);
      if (last && args.bias != 0) sum += load<f32>(args.bias + ((<usize>(column + j)) << 2));
      if (last && args.addend != 0) sum += addendAt(args, at + place);
      store<f32>(from, sum);
    }
}

/** Adds bias and addend to a whole tile. */
function finish(args: Product, y: usize, stride: usize, at: usize, column: i32): void {
  if (args.bias != 0) {
    const bias = args.bias + ((<usize>column) << 2);
    const low = v128.load(bias);
    const high = v128.load(bias, 16);
    for (let i: usize = 0; i < 6; i++) {
      const from = y + i * stride;
      v128.store(from, f32x4.add(v128.load(from), low));
      v128.store(from, f32x4.add(v128.load(from, 16), high), 16);
    }
  }
  if (args.addend == 0) return;
  if (args.addendF16) addTile<u16>(args.addend + (at >> 1), y, stride);
  else addTile<f32>(args.addend + at, y, stride);
}

/** Adds a whole tile of numbers of type T, see `fourAs`, to that at `y`, whose rows are `stride` bytes apart. */
function addTile<T>(other: usize, y: usize, stride: usize): void {
  const step = (stride >> 2) * sizeof<T>();
  for (let i: usize = 0; i < 6; i++, y += stride, other += step) {
    v128.store(y, f32x4.add(v128.load(y), fourAs<T>(other)));
    v128.store(y, f32x4.add(v128.load(y, 16), fourAs<T>(other + 4 * sizeof<T>())), 16);
  }
}

/** The number of the addend that belongs to the byte `at` of y. */
function addendAt(args: Product, at: usize): f32 {
  return args.addendF16 ? scalarFromF16(load<u16>(args.addend + (at >> 1))) : load<f32>(args.addend + at);
}

/**
 * The sums over `depth` steps of a panel of each factor, 6 × 8 at `c`, whose rows are `stride` bytes apart; added to what is there if
 * `adds`. Twelve sums, two vectors of b and one number of a take fifteen of the sixteen vector registers of x86-64.
 */
export function tile(a: usize, b: usize, depth: i32, c: usize, stride: usize, adds: bool): void {
  let s00 = f32x4.splat(0),
    s01 = f32x4.splat(0);
  let s10 = f32x4.splat(0),
    s11 = f32x4.splat(0);
  let s20 = f32x4.splat(0),
    s21 = f32x4.splat(0);
  let s30 = f32x4.splat(0),
    s31 = f32x4.splat(0);
  let s40 = f32x4.splat(0),
    s41 = f32x4.splat(0);
  let s50 = f32x4.splat(0),
    s51 = f32x4.splat(0);
  for (let k: i32 = 0; k < depth; k++, a += 24, b += 32) {
    const b0 = v128.load(b),
      b1 = v128.load(b, 16);
    let a0 = v128.load32_splat(a);
    s00 = madd(a0, b0, s00);
    s01 = madd(a0, b1, s01);
    let a1 = v128.load32_splat(a, 4);
    s10 = madd(a1, b0, s10);
    s11 = madd(a1, b1, s11);
    let a2 = v128.load32_splat(a, 8);
    s20 = madd(a2, b0, s20);
    s21 = madd(a2, b1, s21);
    let a3 = v128.load32_splat(a, 12);
    s30 = madd(a3, b0, s30);
    s31 = madd(a3, b1, s31);
    let a4 = v128.load32_splat(a, 16);
    s40 = madd(a4, b0, s40);
    s41 = madd(a4, b1, s41);
    let a5 = v128.load32_splat(a, 20);
    s50 = madd(a5, b0, s50);
    s51 = madd(a5, b1, s51);
  }
  storeSums(c, s00, s01, adds);
  c += stride;
  storeSums(c, s10, s11, adds);
  c += stride;
  storeSums(c, s20, s21, adds);
  c += stride;
  storeSums(c, s30, s31, adds);
  c += stride;
  storeSums(c, s40, s41, adds);
  c += stride;
  storeSums(c, s50, s51, adds);
}

function storeSums(c: usize, low: v128, high: v128, adds: bool): void {
  v128.store(c, adds ? f32x4.add(v128.load(c), low) : low);
  v128.store(c, adds ? f32x4.add(v128.load(c, 16), high) : high, 16);
}
