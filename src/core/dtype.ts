/** Storage types of the engine's values and their sizes. */

/** `f16` is stored packed, two to a 32-bit word, low half first; arithmetic is always in f32. */
export type DType = 'f32' | 'f16' | 'i32';

const BYTES: Record<DType, number> = { f32: 4, f16: 2, i32: 4 };

/** Bytes that `count` elements of `dtype` take, rounded up to a whole 32-bit word. */
export function byteLength(dtype: DType, count: number): number {
  return Math.ceil((BYTES[dtype] * count) / 4) * 4;
}
