/**
 * The twin of quantise: returns the dequantised numbers, by the rules of src/core/quantised.ts. It works on the numbers in JavaScript,
 * because tfjs has no ops for the branches of the code search. Every `fround` is a rounding that the kernel also makes, so both find
 * the same codes and the same numbers, to the bit.
 */

import * as tf from '@tensorflow/tfjs-core';
import { BLOCK, GROUP, NF4, NF4_MIDPOINTS, PART_Q4, PART_Q8, type QuantisedType } from '../src/core/quantised';

/** w [N, K] as it reads back from `dtype`, f32. */
export function quantiseTwin(w: tf.Tensor, dtype: QuantisedType): tf.Tensor {
  const [, columns = 0] = w.shape;
  const numbers = Float32Array.from(w.dataSync());
  const blocks = blocksOf(numbers, columns);
  const largest = Float32Array.from(blocks, largestOf);
  const scales = dtype === 'q8' ? largest.map((size) => size * PART_Q8) : groupScales(largest);
  const nearest = dtype === 'q8' ? nearestWhole : nearestLevel;
  blocks.forEach((block, i) => {
    const scale = scales[i] ?? 0;
    block.forEach((x, c) => (block[c] = nearest(x, scale) * scale));
  });
  return tf.tensor(numbers, [...w.shape], 'float32');
}

/** The blocks of each row, as views of `numbers`. */
function blocksOf(numbers: Float32Array, columns: number): Float32Array[] {
  const blocks: Float32Array[] = [];
  for (let row = 0; row < numbers.length; row += columns)
    for (let first = 0; first < columns; first += BLOCK)
      blocks.push(numbers.subarray(row + first, row + Math.min(columns, first + BLOCK)));
  return blocks;
}

function largestOf(block: Float32Array): number {
  return block.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
}

/** The scales that q4 stores, from the largest magnitude of each block. */
function groupScales(largest: Float32Array): Float32Array {
  const scales = new Float32Array(largest.length);
  for (let first = 0; first < largest.length; first += GROUP) {
    const group = largest.subarray(first, first + GROUP);
    const low = Math.min(...group);
    const step = stepOf(Math.fround(Math.max(...group) - low));
    group.forEach((size, i) => (scales[first + i] = scaleOver(size, low, step)));
  }
  return scales;
}

const word = new Float32Array(1);
const wordBits = new Uint32Array(word.buffer);

/** range/255, rounded up to 16 significant bits. */
function stepOf(range: number): number {
  if (range === 0) return 0;
  word[0] = range * PART_Q4;
  wordBits[0] = ((wordBits[0] ?? 0) + 0x1ff) & 0xffffff00;
  return word[0];
}

/** The smallest of the 256 scales low + step·byte that is at least `largest`. */
function scaleOver(largest: number, low: number, step: number): number {
  const at = (byte: number) => Math.fround(low + step * byte);
  let byte = step === 0 ? 0 : Math.min(255, Math.ceil((largest - low) / step));
  while (byte < 255 && at(byte) < largest) byte++;
  while (byte > 0 && at(byte - 1) >= largest) byte--;
  return at(byte);
}

/** The nearest level: its index is the number of midpoints below x/scale. */
function nearestLevel(x: number, scale: number): number {
  let code = 0;
  while (code < NF4_MIDPOINTS.length && x > Math.fround(scale * (NF4_MIDPOINTS[code] ?? 0))) code++;
  return NF4[code] ?? 0;
}

/** The integer nearest to x/scale (of two equally near, the one closer to 0), within ±127. */
function nearestWhole(x: number, scale: number): number {
  if (scale === 0) return 0;
  const size = Math.abs(x);
  let code = Math.min(127, Math.round(size / scale));
  while (code < 127 && size > Math.fround(scale * (code + 0.5))) code++;
  while (code > 0 && size <= Math.fround(scale * (code - 0.5))) code--;
  return x < 0 ? -code : code;
}
