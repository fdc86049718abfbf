/** Building blocks of launches on the processor: arguments, elementwise work, and matrix products. Their kernels are lib/*.wasm.ts. */

import type { DType } from '../../src/core/dtype';
import { isQuantised, quantisedLayout } from '../../src/core/quantised';
import { internal } from '../../src/core/errors';
import type { Address, Operand, Processor, ProcessorLaunch, Word, Work } from '../op';
import { matrixOf } from './rule';

/** Elements, runs, rows and columns of a unit of work; the same numbers as in lib/*.wasm.ts. */
const UNIT = 8192;
const RUNS = 8;
const WIDE = 16;

export function scratch(index: number, offset = 0): Address {
  return { from: 'scratch', index, offset };
}

/** The address of an operand, or of a byte of it, whatever its type. */
export function rawPlace({ from, index }: Operand, offset = 0): Address {
  return { from, index, offset };
}

/** The address of an operand that a kernel reads or writes as 32-bit words, or of a byte of it. */
export function place(operand: Operand, offset = 0): Address {
  if (operand.dtype === 'f16') throw internal('a kernel for the processor would read f16 as f32');
  return rawPlace(operand, offset);
}

/** The address of an operand as `place` gives it, or 0 where it is absent. */
export function optional(operand: Operand | null | undefined): Address | null {
  return operand ? place(operand) : null;
}

export function launchOf(...work: readonly Work[]): ProcessorLaunch {
  return { scratch: [], work };
}

/** A kernel whose units are `UNIT` elements; the count of elements is its last argument. */
export function perElement(kernel: string, count: number, args: readonly Word[]): Work {
  return { kernel, units: Math.ceil(count / UNIT), args: [...args, count] };
}

/** A kernel whose units are `RUNS` runs or rows; their count is its last argument. */
export function perRun(kernel: string, count: number, args: readonly Word[]): Work {
  return { kernel, units: Math.ceil(count / RUNS), args: [...args, count] };
}

/** A kernel whose units are `WIDE` columns. */
export function perColumns(kernel: string, columns: number, args: readonly Word[]): Work {
  return { kernel, units: Math.ceil(columns / WIDE), args };
}

/** A kernel whose units are rows that together have about `UNIT` elements; rows and rows of a unit are its last arguments. */
export function perRows(kernel: string, rows: number, columns: number, args: readonly Word[]): Work {
  const each = Math.max(1, Math.floor(UNIT / columns));
  return { kernel, units: Math.ceil(rows / each), args: [...args, rows, each] };
}

/** The units of `perElement`. */
export function unitsOf(count: number): number {
  return Math.ceil(count / UNIT);
}

/** How a matrix is stored; the same numbers as in panels.wasm.ts. */
const STORED: Readonly<Record<Exclude<DType, 'i32'>, number>> = { f32: 0, f16: 1, q8: 2, q4: 3 };

/** A matrix in memory. */
export interface Stored {
  readonly at: Address;
  readonly dtype: DType;
  readonly rows: number;
  readonly columns: number;
}

export function stored(operand: Operand): Stored {
  const [rows, columns] = matrixOf(operand) ?? [0, 0];
  return { at: rawPlace(operand), dtype: operand.dtype, rows, columns };
}

/** Rows [first, first + count) of a matrix that is not quantised. */
export function part(matrix: Stored, first: number, count: number): Stored {
  const bytes = (matrix.dtype === 'f16' ? 2 : 4) * matrix.columns;
  return { ...matrix, at: { ...matrix.at, offset: (matrix.at.offset ?? 0) + first * bytes }, rows: count };
}

/** The record `Matrix` of panels.wasm.ts. */
function record({ at, dtype, rows, columns }: Stored): readonly Word[] {
  if (dtype === 'i32') throw internal('a matrix of a product is i32');
  if (!isQuantised(dtype)) return [at, null, STORED[dtype], rows, columns, (dtype === 'f16' ? 2 : 4) * columns];
  const { scales, rowBytes } = quantisedLayout(dtype, rows, columns);
  return [at, { ...at, offset: (at.offset ?? 0) + scales.offset }, STORED[dtype], rows, columns, rowBytes];
}

/** Rows and columns of panels, and panels of rows that are packed together; see panels.wasm.ts. */
const PANEL = { rows: 6, columns: 8, abreast: 4 };
/** The most of the depth in a block, and the bytes before a thread's block; see product.wasm.ts. */
const BLOCK = { depth: 384, edge: 256 };
/** Columns of a block. With `BLOCK.depth` it takes a part of the second-level cache. */
const BLOCK_COLUMNS = 128;
/** Units of work for each thread, so that a thread that is slow for a while takes fewer. */
const UNITS = 4;

/** A factor of a product, and whether it is stored transposed: the first one [depth, rows], the second one [columns, depth]. */
export interface Factor {
  readonly matrix: Stored;
  readonly transposed: boolean;
}

/** y [rows, columns] = factor·a·w + extension.factor·extension.a·extension.w + bias + addend, or added to what y holds. */
export interface Products {
  readonly a: Factor;
  readonly w: Factor;
  readonly factor: number;
  /** A second part of the depth; its matrices are stored as those of the first one. */
  readonly extension?: { readonly a: Stored; readonly w: Stored; readonly factor: number } | null;
  readonly bias?: Operand | null;
  readonly addend?: Operand | null;
  readonly accumulate?: boolean;
  readonly y: Stored;
}

/** Products with up to this many rows read the weights as they are; packing takes longer than it saves. */
const FEW_ROWS = 4;
const FEW_COLUMNS = 32;

/** The work of a product of few rows and of weights that are stored by columns of y; null for others. */
function fewRows({ a, w, factor, extension, bias, addend, accumulate, y }: Products): ProcessorLaunch | null {
  if (y.rows > FEW_ROWS || a.transposed || !w.transposed || factor !== 1 || accumulate === true) return null;
  if (addend?.dtype === 'f16') return null;
  const args = [
    ...[a.matrix.at, record(w.matrix), extension?.a.at ?? null, extension ? record(extension.w) : null],
    ...[{ f32: extension?.factor ?? 0 }, y.at, y.rows, y.columns, optional(bias), optional(addend)],
  ];
  return launchOf({ kernel: 'few_rows', units: Math.ceil(y.columns / FEW_COLUMNS), args });
}

/** The work of a product, and its scratch, which the work refers to from `first` on. */
export function products(problem: Products, { threads }: Processor, first = 0): ProcessorLaunch {
  for (const matrix of [problem.a.matrix, problem.extension?.a, problem.y])
    if (matrix && matrix.dtype !== 'f32') throw internal(`the first factor or the result of a product is ${matrix.dtype}`);
  const few = fewRows(problem);
  if (few !== null) return few;
  const { a, w, factor, extension = null, bias = null, addend = null, accumulate = false, y } = problem;
  const { rows, columns } = y;
  const depthOf = ({ matrix, transposed }: Factor) => (transposed ? matrix.rows : matrix.columns);
  const depth = depthOf(a);
  const all = depth + (extension === null ? 0 : depthOf({ ...a, matrix: extension.a }));
  const panels = Math.ceil(rows / PANEL.rows);
  const pack = (matrix: Stored, times: number, at: number): Work => ({
    kernel: 'pack_rows',
    units: Math.ceil(panels / PANEL.abreast),
    args: [record(matrix), a.transposed, { f32: times }, scratch(first), all, at],
  });
  const block = blockOf(rows, columns, threads);
  const bytes = BLOCK.edge + 4 * block.columns * Math.min(BLOCK.depth, all);
  const product: Work = {
    kernel: 'product',
    units: Math.ceil(rows / block.rows) * Math.ceil(columns / block.columns),
    args: [
      ...[scratch(first), record(w.matrix), w.transposed, depth, extension && record(extension.w)],
      ...[y.at, rows, columns, optional(bias), addend && rawPlace(addend), addend?.dtype === 'f16', accumulate],
      ...[block.rows, block.columns, scratch(first + 1), bytes],
    ],
  };
  const extended = extension === null ? [] : [pack(extension.a, extension.factor, depth)];
  return {
    scratch: [4 * PANEL.rows * panels * all, threads * bytes],
    work: [pack(a.matrix, factor, 0), ...extended, product],
  };
}

/** Rows and columns of the blocks of y: enough blocks for the threads, and as few blocks of rows as that allows. */
function blockOf(rows: number, columns: number, threads: number): { readonly rows: number; readonly columns: number } {
  const wanted = threads === 1 ? 1 : UNITS * threads;
  const across = Math.min(BLOCK_COLUMNS, whole(Math.ceil(columns / wanted), PANEL.columns));
  const wide = Math.max(across, Math.min(32, whole(columns, PANEL.columns)));
  const down = Math.ceil(wanted / Math.ceil(columns / wide));
  return { columns: wide, rows: whole(Math.ceil(rows / down), PANEL.rows) };
}

/** The next multiple. */
function whole(size: number, of: number): number {
  return Math.ceil(size / of) * of;
}
