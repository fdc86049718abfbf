/** Storage types of the engine's values and their sizes. */

import { isQuantised, quantisedLayout, type QuantisedType } from './quantised';
import { matrixShape, sizeOf, type Shape } from './shape';

/** `f16` is stored packed, two to a 32-bit word, low half first; arithmetic is always in f32. */
export type PlainType = 'f32' | 'f16' | 'i32';

/** `q8` and `q4` hold frozen matrices only; quantised.ts states their layout. */
export type DType = PlainType | QuantisedType;

const BYTES: Record<PlainType, number> = { f32: 4, f16: 2, i32: 4 };

/** Bytes that `count` elements of `dtype` take, rounded up to a whole 32-bit word. */
export function byteLength(dtype: PlainType, count: number): number {
  return Math.ceil((BYTES[dtype] * count) / 4) * 4;
}

/** Bytes that a value takes in storage. */
export function storageBytes({ dtype, shape }: { readonly dtype: DType; readonly shape: Shape }): number {
  if (!isQuantised(dtype)) return byteLength(dtype, sizeOf(shape));
  const [rows, columns] = matrixShape(`a value in ${dtype}`, shape);
  return quantisedLayout(dtype, rows, columns).bytes;
}
