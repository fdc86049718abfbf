/** Packs whole documents into rows of T tokens with little padding. */

import { internal } from '../core/errors';

/** Row r holds the documents `docs[starts[r] .. starts[r+1])`, in this order. */
export interface Packing {
  readonly docs: Uint32Array;
  readonly starts: Uint32Array;
}

/** What fits into a row. */
export interface RowSize {
  readonly tokens: number;
  /** The most items. */
  readonly items: number;
}

/**
 * First fit: each document, in the given order, goes into the first row that has room for it. `lengths[d]` is the
 * token count of document d; none may exceed a row. A tree over the rows finds that row in O(log n). The items may be examples of
 * several documents as well, with the sum of their tokens.
 */
export function packFirstFit(lengths: Uint32Array, order: Uint32Array, row: RowSize): Packing {
  const rooms = new Rooms(order.length, row);
  const rowOf = Uint32Array.from(order, (doc) => {
    const length = lengths[doc] ?? 0;
    if (length > row.tokens) throw internal(`document ${doc} has ${length} tokens, more than a row of ${row.tokens}`);
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

/** Free tokens of a row that takes no further item, not even one without tokens. */
const FULL = -1;

/** The free tokens of every row in a binary tree of maxima: node i has children 2i and 2i+1, the rows are the leaves. */
class Rooms {
  readonly #leaves: number;
  readonly #free: Int32Array;
  readonly #items: Uint32Array;
  readonly #most: number;

  constructor(rows: number, { tokens, items }: RowSize) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, rows)));
    this.#free = new Int32Array(2 * this.#leaves).fill(tokens);
    this.#items = new Uint32Array(this.#leaves);
    this.#most = items;
  }

  /** Takes `length` tokens from the first row that has as many free, and returns the row. */
  take(length: number): number {
    let node = 1;
    while (node < this.#leaves) node = this.#at(2 * node) >= length ? 2 * node : 2 * node + 1;
    const row = node - this.#leaves;
    const items = (this.#items[row] = (this.#items[row] ?? 0) + 1);
    this.#free[node] = items < this.#most ? this.#at(node) - length : FULL;
    for (node >>= 1; node >= 1; node >>= 1) this.#free[node] = Math.max(this.#at(2 * node), this.#at(2 * node + 1));
    return row;
  }

  #at(node: number): number {
    return this.#free[node] ?? 0;
  }
}
