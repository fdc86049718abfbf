/** Packs whole documents into rows of T tokens with little padding. */

import { internal } from '../core/errors';

/** Row r holds the documents `docs[starts[r] .. starts[r+1])`, in this order. */
export interface Packing {
  readonly docs: Uint32Array;
  readonly starts: Uint32Array;
}

/**
 * First fit: each document, in the given order, goes into the first row that has room for it. `lengths[d]` is the
 * token count of document d; none may exceed `rowLength`. A tree over the rows finds that row in O(log n).
 */
export function packFirstFit(lengths: Uint32Array, order: Uint32Array, rowLength: number): Packing {
  const rooms = new Rooms(order.length, rowLength);
  const rowOf = Uint32Array.from(order, (doc) => {
    const length = lengths[doc] ?? 0;
    if (length > rowLength) throw internal(`document ${doc} has ${length} tokens, more than a row of ${rowLength}`);
    return rooms.take(length);
  });
  return group(order, rowOf);
}

/** Collects the documents of each row, keeping their order. */
function group(order: Uint32Array, rowOf: Uint32Array): Packing {
  const rows = rowOf.reduce((most, row) => Math.max(most, row + 1), 0);
  const starts = new Uint32Array(rows + 1);
  for (const row of rowOf) starts[row + 1] = (starts[row + 1] ?? 0) + 1;
  for (let row = 0; row < rows; row++) starts[row + 1] = (starts[row + 1] ?? 0) + (starts[row] ?? 0);
  const next = starts.slice();
  const docs = new Uint32Array(order.length);
  order.forEach((doc, i) => {
    const row = rowOf[i] ?? 0;
    const at = next[row] ?? 0;
    docs[at] = doc;
    next[row] = at + 1;
  });
  return { docs, starts };
}

/** The free tokens of every row in a binary tree of maxima: node i has children 2i and 2i+1, the rows are the leaves. */
class Rooms {
  readonly #leaves: number;
  readonly #free: Uint32Array;

  constructor(rows: number, rowLength: number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, rows)));
    this.#free = new Uint32Array(2 * this.#leaves).fill(rowLength);
  }

  /** Takes `length` tokens from the first row that has as many free, and returns the row. */
  take(length: number): number {
    let node = 1;
    while (node < this.#leaves) node = this.#at(2 * node) >= length ? 2 * node : 2 * node + 1;
    const row = node - this.#leaves;
    this.#free[node] = this.#at(node) - length;
    for (node >>= 1; node >= 1; node >>= 1) this.#free[node] = Math.max(this.#at(2 * node), this.#at(2 * node + 1));
    return row;
  }

  #at(node: number): number {
    return this.#free[node] ?? 0;
  }
}
