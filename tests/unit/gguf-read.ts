/** Reads GGUF files in tests. */

import { f16ToF32 } from '../../src/core/f16';

export interface ReadTensor {
  /** Row-major: the length of a row is last. */
  readonly shape: readonly number[];
  readonly type: string;
  readonly values: Float32Array;
}

export interface ReadGguf {
  readonly pairs: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, ReadTensor>>;
}

const TYPES: Readonly<Record<number, string>> = { 0: 'F32', 1: 'F16', 2: 'Q4_0', 8: 'Q8_0' };

export function readGguf(file: ArrayBuffer): ReadGguf {
  const view = new DataView(file);
  let at = 0;
  const take = (bytes: number) => (at += bytes) - bytes;
  const u32 = () => view.getUint32(take(4), true);
  const u64 = () => Number(view.getBigUint64(take(8), true));
  const string = () => {
    const length = u64();
    return new TextDecoder().decode(new Uint8Array(file, take(length), length));
  };
  const value = (type: number): unknown => {
    if (type === 4) return u32();
    if (type === 5) return view.getInt32(take(4), true);
    if (type === 6) return view.getFloat32(take(4), true);
    if (type === 7) return view.getUint8(take(1)) === 1;
    if (type === 8) return string();
    if (type !== 9) throw new Error(`type ${type}`);
    const [element, count] = [u32(), u64()];
    return Array.from({ length: count }, () => value(element));
  };
  if (string4(view) !== 'GGUF') throw new Error('not a GGUF file');
  take(4);
  if (u32() !== 3) throw new Error('not version 3');
  const [tensorCount, pairCount] = [u64(), u64()];
  const pairs = Object.fromEntries(Array.from({ length: pairCount }, () => [string(), value(u32())]));
  const infos = Array.from({ length: tensorCount }, () => {
    const name = string();
    const shape = Array.from({ length: u32() }, u64).reverse();
    return { name, shape, type: TYPES[u32()] ?? '', offset: u64() };
  });
  const start = Math.ceil(at / 32) * 32;
  const tensors = infos.map(({ name, shape, type, offset }) => {
    if (offset % 32 !== 0) throw new Error(`${name} is not aligned`);
    const size = shape.reduce((a, b) => a * b, 1);
    return [name, { shape, type, values: numbers(file, start + offset, type, size) }] as const;
  });
  return { pairs, tensors: Object.fromEntries(tensors) };
}

const string4 = (view: DataView) => String.fromCharCode(...Array.from({ length: 4 }, (_, i) => view.getUint8(i)));

function numbers(file: ArrayBuffer, start: number, type: string, size: number): Float32Array {
  if (type === 'F32') return new Float32Array(file.slice(start, start + 4 * size));
  if (type === 'F16') return f16ToF32(new Uint16Array(file.slice(start, start + 2 * size)));
  return dequantise(type, new Uint8Array(file.slice(start, start + (size / 32) * (type === 'Q8_0' ? 34 : 18))));
}

/** The numbers of blocks. */
export function dequantise(type: string, bytes: Uint8Array): Float32Array {
  const [blockSize, codes] = type === 'Q8_0' ? [34, codes8] : [18, codes4];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const blocks = Array.from({ length: bytes.length / blockSize }, (_, b) => {
    const [scale = 0] = f16ToF32(Uint16Array.of(view.getUint16(b * blockSize, true)));
    return codes(bytes.subarray(b * blockSize + 2, (b + 1) * blockSize)).map((code) => scale * code);
  });
  return Float32Array.from(blocks.flat());
}

const codes8 = (bytes: Uint8Array) => [...new Int8Array(bytes)];
const codes4 = (bytes: Uint8Array) => [...bytes].map((byte) => (byte & 15) - 8).concat([...bytes].map((byte) => (byte >> 4) - 8));
