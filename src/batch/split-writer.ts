/** Concatenates examples to a split, and takes them out of it again. */

import type { Document } from '../encoding/encoding';
import { Growing } from './growing';
import type { EncodedSplit } from './types';

/** An example: its documents, its target and its line in the file. */
export interface SplitExample {
  readonly documents: readonly Document[];
  readonly target: readonly number[] | Float32Array;
  readonly line: number;
}

/** Writes examples that all have the same number of documents and targets. Types and targets are written where there are any. */
export class SplitWriter {
  readonly #ids = new Growing(Int32Array);
  readonly #trained = new Growing(Uint8Array);
  readonly #types = new Growing(Uint8Array);
  readonly #targets = new Growing(Float32Array);
  readonly #offsets = [0];
  readonly #lines: number[] = [];

  add({ documents, target, line }: SplitExample): void {
    for (const { ids, trained, types } of documents) {
      this.#ids.push(ids);
      this.#trained.push(trained);
      if (types !== undefined) this.#types.push(types);
      this.#offsets.push(this.#ids.length);
    }
    this.#targets.push(target);
    this.#lines.push(line);
  }

  finish(): EncodedSplit {
    return {
      ids: this.#ids.finish(),
      trained: this.#trained.finish(),
      offsets: Uint32Array.from(this.#offsets),
      lines: Uint32Array.from(this.#lines),
      ...(this.#types.length > 0 && { types: this.#types.finish() }),
      ...(this.#targets.length > 0 && { targets: this.#targets.finish() }),
    };
  }
}

/** Example `index` of a split whose examples have `documents` documents each, as views. */
export function exampleAt(split: EncodedSplit, index: number, documents: number): SplitExample {
  const { lines, targets } = split;
  const width = (targets?.length ?? 0) / Math.max(1, lines.length);
  return {
    documents: Array.from({ length: documents }, (_, k) => documentAt(split, index * documents + k)),
    target: targets?.subarray(index * width, (index + 1) * width) ?? [],
    line: lines[index] ?? 0,
  };
}

function documentAt({ ids, trained, types, offsets }: EncodedSplit, document: number): Document {
  const [from, to] = [offsets[document] ?? 0, offsets[document + 1] ?? 0];
  return {
    ids: ids.subarray(from, to),
    trained: trained.subarray(from, to),
    ...(types !== undefined && { types: types.subarray(from, to) }),
  };
}

/** The arrays of a split that training reads, and the line numbers. */
export function arraysOf(split: EncodedSplit): { readonly data: readonly ArrayBufferView[]; readonly lines: Uint32Array } {
  const { ids, trained, offsets, types, targets, lines } = split;
  return { data: [ids, trained, offsets, types, targets].filter((array) => array !== undefined), lines };
}
