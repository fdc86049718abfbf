/**
 * The GGUF format, version 3: magic, version, counts, key-value pairs, the list of tensors, then their data, each aligned to 32 bytes.
 * All numbers are little-endian. Files are written in parts: the bytes before the data depend on shapes and types only.
 */

import { internal } from '../core/errors';
import { blockBytes, type GgufType } from './gguf-blocks';

/** A value of a key-value pair, by its type in the format. */
export type GgufValue = Scalar | List;

type Scalar =
  | { readonly type: 'u32' | 'i32' | 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string };

type List =
  | { readonly type: 'f32s' | 'i32s'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] };

/** Key-value pairs in the order of the file. */
export type GgufPairs = readonly (readonly [key: string, value: GgufValue])[];

/** A tensor of a file. The shape is row-major: the length of a row is last, as everywhere in this project. */
export interface GgufTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: GgufType;
}

export const u32 = (value: number): GgufValue => ({ type: 'u32', value });
export const f32 = (value: number): GgufValue => ({ type: 'f32', value });
export const bool = (value: boolean): GgufValue => ({ type: 'bool', value });
export const text = (value: string): GgufValue => ({ type: 'string', value });

/** The data and each tensor begin at a multiple of this. */
const ALIGNMENT = 32;

/** Bytes up to the next tensor after `bytes` bytes of data. */
export const ggufPadding = (bytes: number): number => (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;

/** Ids of the types of values. */
const VALUE_IDS = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;
const ELEMENTS = { f32s: 'f32', i32s: 'i32', strings: 'string' } as const;

/** Ids of the types of tensors. */
const TENSOR_IDS: Readonly<Record<GgufType, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8 };

/** The bytes before the data of the first tensor. The data follow in the order of `tensors`, each padded by `ggufPadding`. */
export function ggufHeader(pairs: GgufPairs, tensors: readonly GgufTensor[]): Uint8Array<ArrayBuffer> {
  const repeated = tensors.find(({ name }, i) => tensors.findIndex((other) => other.name === name) !== i);
  if (repeated !== undefined) throw internal(`two tensors have the name ${repeated.name}`);
  const out = new Bytes();
  for (const byte of [0x47, 0x47, 0x55, 0x46]) out.u8(byte);
  out.u32(3);
  out.u64(tensors.length);
  out.u64(pairs.length);
  for (const [key, value] of pairs) {
    out.string(key);
    writeValue(out, value);
  }
  let offset = 0;
  for (const tensor of tensors) offset = writeInfo(out, tensor, offset);
  out.pad(ggufPadding(out.length));
  return out.done();
}

function writeValue(out: Bytes, value: GgufValue): void {
  if (isList(value)) {
    out.u32(VALUE_IDS.array);
    writeList(out, value);
  } else {
    out.u32(VALUE_IDS[value.type]);
    writeScalar(out, value);
  }
}

function isList(value: GgufValue): value is List {
  return value.type in ELEMENTS;
}

function writeScalar(out: Bytes, value: Scalar): void {
  if (value.type === 'string') out.string(value.value);
  else if (value.type === 'bool') out.u8(value.value ? 1 : 0);
  else out[value.type](value.value);
}

function writeList(out: Bytes, list: List): void {
  out.u32(VALUE_IDS[ELEMENTS[list.type]]);
  out.u64(list.value.length);
  if (list.type === 'strings') for (const one of list.value) out.string(one);
  else for (const one of list.value) out[ELEMENTS[list.type]](one);
}

/** Writes the entry of a tensor whose data begin at `offset`. Returns the offset of the next one. */
function writeInfo(out: Bytes, { name, shape, type }: GgufTensor, offset: number): number {
  out.string(name);
  out.u32(shape.length);
  for (const size of [...shape].reverse()) out.u64(size);
  out.u32(TENSOR_IDS[type]);
  out.u64(offset);
  const bytes = blockBytes(type, shape);
  return offset + bytes + ggufPadding(bytes);
}

/** Bytes that grow as numbers and strings are written. */
class Bytes {
  #view = new DataView(new ArrayBuffer(65_536));
  #at = 0;

  get length(): number {
    return this.#at;
  }

  u8(value: number): void {
    this.#reserve(1).setUint8(this.#at, value);
    this.#at += 1;
  }

  u32(value: number): void {
    this.#reserve(4).setUint32(this.#at, value, true);
    this.#at += 4;
  }

  i32(value: number): void {
    this.#reserve(4).setInt32(this.#at, value, true);
    this.#at += 4;
  }

  f32(value: number): void {
    this.#reserve(4).setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  u64(value: number): void {
    this.#reserve(8).setBigUint64(this.#at, BigInt(value), true);
    this.#at += 8;
  }

  /** The length in bytes, and the text in UTF-8. */
  string(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.u64(bytes.length);
    this.#reserve(bytes.length);
    new Uint8Array(this.#view.buffer).set(bytes, this.#at);
    this.#at += bytes.length;
  }

  pad(bytes: number): void {
    this.#reserve(bytes);
    this.#at += bytes;
  }

  done(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#view.buffer.slice(0, this.#at));
  }

  #reserve(bytes: number): DataView {
    if (this.#at + bytes > this.#view.byteLength) {
      const grown = new Uint8Array(2 * (this.#at + bytes));
      grown.set(new Uint8Array(this.#view.buffer));
      this.#view = new DataView(grown.buffer);
    }
    return this.#view;
  }
}
