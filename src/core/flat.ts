/** The layout of tensors in one flat vector. Part of the checkpoint format. */

import { sizeOf, type Shape } from './shape';

/** Tensors start at multiples of this many elements: 256 bytes, WebGPU's binding alignment. The gaps are zeros. */
const ALIGNMENT = 64;

/** The offset of each tensor, in elements, and the length of the vector. */
export function flatLayout(shapes: readonly Shape[]): { readonly offsets: readonly number[]; readonly length: number } {
  const offsets: number[] = [];
  let length = 0;
  for (const shape of shapes) {
    offsets.push(length);
    length += Math.ceil(sizeOf(shape) / ALIGNMENT) * ALIGNMENT;
  }
  return { offsets, length: Math.max(length, ALIGNMENT) };
}
