/** Splits a matrix into blocks of rows that fit a storage buffer binding. */

import { byteLength } from '../../src/core/dtype';
import { isQuantised, quantisedLayout } from '../../src/core/quantised';
import { commonDivisor, tooLarge } from './launch';
import type { Spec } from '../op';
import { describe } from './rule';

/** WebGPU's largest required alignment of a binding's offset. */
const ALIGNMENT = 256;
/** Blocks start at a multiple of four rows, so that they start at whole vec4s also where the rows are the depth of a product. */
const MULTIPLE = 4;

export interface RowBlock {
  readonly first: number;
  readonly rows: number;
  /** The bytes to bind (of the codes when quantised); absent when that is the whole buffer. */
  readonly range?: { readonly offset: number; readonly size: number };
}

/** Row blocks of the matrix `spec`, in order. Throws `gpu/memory` when even the smallest aligned block is too large. */
export function rowBlocks(spec: Spec, maxBindingBytes: number): readonly RowBlock[] {
  const [rows = 0, columns = 0] = spec.shape;
  const { rowBytes, bytes } = rowSizes(spec, columns);
  if (bytes(rows) <= maxBindingBytes)
    return [{ first: 0, rows, ...(isQuantised(spec.dtype) && { range: { offset: 0, size: bytes(rows) } }) }];
  const step = Math.max(MULTIPLE, ALIGNMENT / commonDivisor(rowBytes, ALIGNMENT));
  const perBlock = Math.floor(maxBindingBytes / (rowBytes * step)) * step;
  if (perBlock === 0) throw tooLarge(`a block of ${describe(spec)}`, step * rowBytes, maxBindingBytes);
  return Array.from({ length: Math.ceil(rows / perBlock) }, (_, i) => {
    const first = i * perBlock;
    const count = Math.min(perBlock, rows - first);
    return { first, rows: count, range: { offset: first * rowBytes, size: bytes(count) } };
  });
}

/** Bytes of one row, and of a number of rows. */
function rowSizes({ dtype }: Spec, columns: number): { rowBytes: number; bytes: (rows: number) => number } {
  if (!isQuantised(dtype)) {
    const rowBytes = columns * (dtype === 'f16' ? 2 : 4);
    return { rowBytes, bytes: (rows) => byteLength(dtype, rows * columns) };
  }
  const { rowBytes } = quantisedLayout(dtype, 1, columns);
  return { rowBytes, bytes: (rows) => rows * rowBytes };
}
