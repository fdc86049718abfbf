/** Writes safetensors files. */

import { internal } from '../core/errors';
import { byteSize, TENSOR_TYPES, type TensorInfo, type TensorType } from './safetensors';

/** A tensor to write; `data` is little-endian, row-major. */
export interface TensorData {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

/**
 * A safetensors file as the reference implementation writes it: tensors sorted by dtype (widest first, which aligns each), then by
 * name; header padded with spaces to 8 bytes; metadata `{"format":"pt"}` by default, and none where it
 * is empty.
 */
export function writeSafetensors(
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array<ArrayBuffer> {
  for (const { name, dtype, shape, data } of tensors) {
    if (byteSize(dtype, shape) !== data.length)
      throw internal(`${name} has ${data.length} bytes, not those of ${dtype} [${shape.join(', ')}]`);
  }
  const { ordered, header } = layOutSafetensors(tensors, metadata);
  const total = ordered.reduce((sum, t) => sum + t.data.length, header.length);
  const file = new Uint8Array(total);
  file.set(header);
  let at = header.length;
  for (const { data } of ordered) {
    file.set(data, at);
    at += data.length;
  }
  return file;
}

/** The order in which `writeSafetensors` writes tensors, and the bytes before the first of them: for files written in parts. */
export function layOutSafetensors<T extends Pick<TensorInfo, 'name' | 'dtype' | 'shape'>>(
  tensors: readonly T[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): { readonly ordered: readonly T[]; readonly header: Uint8Array<ArrayBuffer> } {
  const ordered = [...tensors].sort(
    (a, b) => TENSOR_TYPES.indexOf(b.dtype) - TENSOR_TYPES.indexOf(a.dtype) || (a.name < b.name ? -1 : 1),
  );
  return { ordered, header: encodeHeader(ordered, metadata) };
}

/** The length and the padded JSON of the header. */
function encodeHeader(
  tensors: readonly Pick<TensorInfo, 'name' | 'dtype' | 'shape'>[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape }) => {
    const end = at + (byteSize(dtype, shape) ?? NaN);
    if (Number.isNaN(end)) throw internal(`${name} has no whole number of bytes`);
    const entry = { dtype, shape, data_offsets: [at, end] };
    at = end;
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  const stated = Object.keys(metadata).length === 0 ? [] : [`"__metadata__":${JSON.stringify(metadata)}`];
  const json = new TextEncoder().encode(`{${[...stated, ...entries].join(',')}}`);
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  return header;
}
