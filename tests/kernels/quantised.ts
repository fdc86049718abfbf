/** Decodes quantised storage by the layout in src/core/quantised.ts, independently of the kernels that it checks. */

import type { QuantisedType } from '../../src/core/quantised';
import type { Shape } from '../../src/core/shape';

export interface QuantisedNumber {
  readonly code: number;
  readonly scale: number;
  /** The decoded number, f64. */
  readonly value: number;
}

/** The decoded numbers of a buffer, f32. */
export function readQuantised(buffer: ArrayBuffer, dtype: QuantisedType, shape: Shape): Float32Array<ArrayBuffer> {
  return Float32Array.from(quantisedNumbers(buffer, dtype, shape), ({ value }) => value);
}

/** Every number with its code and its block's scale, row after row. */
export function quantisedNumbers(buffer: ArrayBuffer, dtype: QuantisedType, [rows = 0, columns = 0]: Shape): QuantisedNumber[] {
  const view = new DataView(buffer);
  const perWord = dtype === 'q8' ? 4 : 8;
  const rowBytes = 4 * Math.ceil(columns / perWord);
  const rowBlocks = Math.ceil(columns / 64);
  const scales = Math.ceil((rows * rowBytes) / 256) * 256;
  const scaleOf = dtype === 'q8' ? wholeScale(view, scales) : groupedScale(view, scales, rows * rowBlocks);
  return Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const scale = scaleOf(row * rowBlocks + Math.floor(column / 64));
    if (dtype === 'q8') return number(view.getInt8(row * rowBytes + column), scale, (code) => code);
    const code = (view.getUint8(row * rowBytes + Math.floor(column / 2)) >> (4 * (column % 2))) & 15;
    return number(code, scale, () => view.getFloat32(scales + 4 * code, true));
  });
}

function number(code: number, scale: number, level: (code: number) => number): QuantisedNumber {
  return { code, scale, value: level(code) * scale };
}

function wholeScale(view: DataView, scales: number): (block: number) => number {
  return (block) => view.getFloat32(scales + 4 * block, true);
}

function groupedScale(view: DataView, scales: number, blocks: number): (block: number) => number {
  const groups = scales + 64;
  const bytes = groups + 8 * Math.ceil(blocks / 256);
  return (block) => {
    const group = groups + 8 * Math.floor(block / 256);
    return Math.fround(view.getFloat32(group, true) + view.getFloat32(group + 4, true) * view.getUint8(bytes + block));
  };
}
