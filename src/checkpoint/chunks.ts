/** Cuts typed arrays into hashed chunks for the store, and joins the chunks again. */

import { sha256 } from '../core/hash';

/** Chrome rejects values over about 127 MiB. Small chunks also limit the memory of the copy that each write makes. */
export const CHUNK_BYTES = 16 * 1024 * 1024;

const ARRAYS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, u8: Uint8Array } as const;
type ArrayKind = keyof typeof ARRAYS;

/** A named array to be stored. */
export type NamedArray = { readonly name: string } & (
  | { readonly kind: 'f32'; readonly data: Float32Array }
  | { readonly kind: 'i32'; readonly data: Int32Array }
  | { readonly kind: 'u32'; readonly data: Uint32Array }
  | { readonly kind: 'u8'; readonly data: Uint8Array }
);

/** One chunk: a piece of the array `part`, in order. */
export interface ChunkInfo {
  readonly part: string;
  readonly kind: ArrayKind;
  readonly bytes: number;
  readonly hash: string;
}

/** Yields the chunks of `parts` one by one. Each has its own buffer, because storing a view stores the whole buffer under it. */
export async function* cut(
  parts: readonly NamedArray[],
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<ChunkInfo & { bytesOf: Uint8Array<ArrayBuffer> }> {
  for (const { name, kind, data } of parts) {
    const all = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let from = 0; from < all.length; from += chunkBytes) {
      const bytesOf = all.slice(from, from + chunkBytes);
      yield { part: name, kind, bytes: bytesOf.length, hash: await sha256(bytesOf), bytesOf };
    }
  }
}

/** Describes what is wrong with a stored chunk; null when it is intact. */
export async function faultOf(info: ChunkInfo, bytes: Uint8Array<ArrayBuffer> | undefined): Promise<string | null> {
  if (bytes === undefined) return `a piece of ${info.part} is missing`;
  if (bytes.length !== info.bytes) return `a piece of ${info.part} has ${bytes.length} bytes, not ${info.bytes}`;
  return (await sha256(bytes)) === info.hash ? null : `a piece of ${info.part} was changed (its SHA-256 differs)`;
}

/** Joins chunks into arrays, by name. An empty array has no chunks, so it is absent from the result. */
export function join(infos: readonly ChunkInfo[], chunks: readonly Uint8Array<ArrayBuffer>[]): Map<string, NamedArray> {
  const parts = new Map<string, NamedArray>();
  for (const name of new Set(infos.map(({ part }) => part))) {
    const pieces = chunks.filter((_, i) => infos[i]?.part === name);
    const kind = infos.find(({ part }) => part === name)?.kind ?? 'u8';
    parts.set(name, typed(name, kind, concatenate(pieces)));
  }
  return parts;
}

function concatenate(pieces: readonly Uint8Array<ArrayBuffer>[]): ArrayBuffer {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all.buffer;
}

function typed(name: string, kind: ArrayKind, buffer: ArrayBuffer): NamedArray {
  return { name, kind, data: new ARRAYS[kind](buffer) } as NamedArray;
}
