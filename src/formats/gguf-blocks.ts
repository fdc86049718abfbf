/**
 * The types of tensors in GGUF files. Quantised rows consist of blocks of 32 numbers: an f16 scale d, and integer codes q.
 *
 * Q8_0, 34 bytes: d = max|x| / 127, q = x/d rounded to the nearest, halves away from zero; 32 codes of 8 bits.
 * Q4_0, 18 bytes: d = (the x of largest size) / −8, q = x/d + 8.5 without its fraction, at most 15; byte i has code i in its low half
 * and code i + 16 in its high half.
 *
 * As in ggml (`quantize_row_q8_0_ref`, `quantize_row_q4_0_ref`), codes are computed with the scale before it is rounded to f16, whose
 * reciprocal is an f32, and every result is rounded to f32.
 */

import { internal } from '../core/errors';
import { f32ToF16 } from '../core/f16';
import { sizeOf } from '../core/shape';

export type GgufType = 'F32' | 'F16' | 'Q8_0' | 'Q4_0';

/** Numbers in a block. */
export const GGUF_BLOCK = 32;

interface TypeRule {
  /** Numbers in a block. */
  readonly block: number;
  /** Bytes of a block. */
  readonly bytes: number;
  encode(values: Float32Array, out: Uint8Array<ArrayBuffer>): void;
}

const RULES: Readonly<Record<GgufType, TypeRule>> = {
  F32: { block: 1, bytes: 4, encode: (values, out) => new Float32Array(out.buffer).set(values) },
  F16: { block: 1, bytes: 2, encode: (values, out) => void f32ToF16(values, new Uint16Array(out.buffer)) },
  Q8_0: { block: GGUF_BLOCK, bytes: 34, encode: encodeQ8 },
  Q4_0: { block: GGUF_BLOCK, bytes: 18, encode: encodeQ4 },
};

/** Whether rows of this length can have the type. */
export function fitsBlocks(type: GgufType, row: number): boolean {
  return row % RULES[type].block === 0;
}

/** Bytes of a tensor. Throws an `internal:` error when its rows are not whole blocks. */
export function blockBytes(type: GgufType, shape: readonly number[]): number {
  const row = shape.at(-1) ?? 1;
  if (!fitsBlocks(type, row)) throw internal(`rows of ${row} numbers in blocks of ${RULES[type].block}`);
  return (sizeOf(shape) / RULES[type].block) * RULES[type].bytes;
}

/** Whole rows in the type, little-endian. */
export function encodeBlocks(type: GgufType, values: Float32Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(blockBytes(type, [values.length]));
  RULES[type].encode(values, out);
  return out;
}

/** The position of the number of largest size in a block that begins at `from`, the first of equal ones. */
function largestAt(values: Float32Array, from: number): number {
  let at = from;
  let largest = -1;
  for (let i = from; i < from + GGUF_BLOCK; i++) {
    const size = Math.abs(values[i] ?? 0);
    if (size > largest) [largest, at] = [size, i];
  }
  return at;
}

/** Writes the scales of all blocks; returns their reciprocals as f32. 0 for blocks of zeros. */
function writeScales(scales: Float32Array, out: Uint8Array<ArrayBuffer>, blockSize: number): Float32Array {
  const halves = f32ToF16(scales);
  const view = new DataView(out.buffer);
  halves.forEach((half, block) => view.setUint16(block * blockSize, half, true));
  return scales.map((scale) => (scale === 0 ? 0 : 1 / scale));
}

function encodeQ8(values: Float32Array, out: Uint8Array<ArrayBuffer>): void {
  const { bytes } = RULES.Q8_0;
  const scales = new Float32Array(values.length / GGUF_BLOCK);
  for (let b = 0; b < scales.length; b++) scales[b] = Math.abs(values[largestAt(values, b * GGUF_BLOCK)] ?? 0) / 127;
  const inverses = writeScales(scales, out, bytes);
  for (let b = 0; b < scales.length; b++) {
    const inverse = inverses[b] ?? 0;
    for (let i = 0; i < GGUF_BLOCK; i++) {
      const scaled = Math.fround((values[b * GGUF_BLOCK + i] ?? 0) * inverse);
      out[b * bytes + 2 + i] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5);
    }
  }
}

function encodeQ4(values: Float32Array, out: Uint8Array<ArrayBuffer>): void {
  const { bytes } = RULES.Q4_0;
  const scales = new Float32Array(values.length / GGUF_BLOCK);
  for (let b = 0; b < scales.length; b++) scales[b] = (values[largestAt(values, b * GGUF_BLOCK)] ?? 0) / -8;
  const inverses = writeScales(scales, out, bytes);
  const half = GGUF_BLOCK / 2;
  for (let b = 0; b < scales.length; b++) {
    const inverse = inverses[b] ?? 0;
    const scaledAt = (i: number) => Math.fround((values[b * GGUF_BLOCK + i] ?? 0) * inverse);
    const codeAt = (i: number) => Math.min(15, Math.trunc(Math.fround(scaledAt(i) + 8.5)));
    for (let i = 0; i < half; i++) out[b * bytes + 2 + i] = codeAt(i) | (codeAt(i + half) << 4);
  }
}
