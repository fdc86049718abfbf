/** Allocation in a WebAssembly memory, which grows as needed. */

import { CodedError } from '../core/errors';

const PAGE = 65536;
/** Pieces start at multiples of a cache line. */
const ALIGNMENT = 64;
/** The first bytes stay free: address 0 stands for nothing. */
const START = 1024;

interface Piece {
  readonly at: number;
  readonly bytes: number;
}

export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Free pieces in the order of their addresses; no two touch. */
  #free: Piece[] = [];
  readonly #taken = new Map<number, number>();
  #end = START;
  #bytes: Uint8Array;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#bytes = new Uint8Array(memory.buffer);
  }

  /** The whole memory. Not valid after the next `take`, which may grow it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Bytes that are taken. */
  get used(): number {
    return [...this.#taken.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Pieces that are taken. */
  get pieces(): number {
    return this.#taken.size;
  }

  /** The address of `bytes` free bytes. Throws `gpu/memory` when the memory can't grow. */
  take(bytes: number): number {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const fitting = this.#free.filter((piece) => piece.bytes >= size);
    const found = fitting.reduce<Piece | undefined>(
      (best, piece) => (best && best.bytes <= piece.bytes ? best : piece),
      undefined,
    );
    const at = found === undefined ? this.#append(size) : found.at;
    if (found !== undefined) {
      const rest = { at: at + size, bytes: found.bytes - size };
      this.#free = this.#free.flatMap((piece) => (piece !== found ? piece : rest.bytes > 0 ? rest : []));
    }
    this.#taken.set(at, size);
    return at;
  }

  /** Gives back what `take` returned. */
  free(at: number): void {
    const bytes = this.#taken.get(at);
    if (bytes === undefined) return;
    this.#taken.delete(at);
    const pieces = [...this.#free, { at, bytes }].sort((a, b) => a.at - b.at);
    const merged: Piece[] = [];
    for (const piece of pieces) {
      const before = merged.at(-1);
      if (before !== undefined && before.at + before.bytes === piece.at)
        merged[merged.length - 1] = { at: before.at, bytes: before.bytes + piece.bytes };
      else merged.push(piece);
    }
    const last = merged.at(-1);
    if (last !== undefined && last.at + last.bytes === this.#end) {
      this.#end = last.at;
      merged.pop();
    }
    this.#free = merged;
  }

  #append(size: number): number {
    const at = this.#end;
    const missing = at + size - this.#bytes.length;
    if (missing > 0) this.#grow(Math.ceil(missing / PAGE));
    this.#end = at + size;
    return at;
  }

  #grow(pages: number): void {
    try {
      this.memory.grow(pages);
    } catch {
      const used = Math.round(this.used / 1e6);
      throw new CodedError(
        'gpu/memory',
        `The browser gives WebAssembly no more memory: ${used} MB are in use. Choose a shorter sequence length, fewer rows at once, fewer bits for the base weights or a smaller model.`,
      );
    }
    this.#bytes = new Uint8Array(this.memory.buffer);
  }
}
