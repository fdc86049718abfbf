/** Storage types of the engine's values and their sizes. */

import { isQuantised, quantisedLayout, type QuantisedType } from './quantised';
import { matrixShape, sizeOf, type Shape } from './shape';

/** `f16` is packed, two to a 32-bit word, the first in the low bits; arithmetic is always in f32. */
export type PlainType = 'f32' | 'f16' | 'i32';

/** `q8` and `q4` are for frozen matrices only; quantised.ts defines their layout. */
export type DType = PlainType | QuantisedType;

const BYTES: Record<PlainType, number> = { f32: 4, f16: 2, i32: 4 };

/** Bytes of `count` elements of `dtype`, rounded up to a 32-bit word. */
export function byteLength(dtype: PlainType, count: number): number {
  return Math.ceil((BYTES[dtype] * count) / 4) * 4;
}

/** Bytes of a value in storage. */
export function storageBytes({ dtype, shape }: { readonly dtype: DType; readonly shape: Shape }): number {
  if (!isQuantised(dtype)) return byteLength(dtype, sizeOf(shape));
  const [rows, columns] = matrixShape(`a value in ${dtype}`, shape);
  return quantisedLayout(dtype, rows, columns).bytes;
}
