/** Reads the rows of a list in slices of time, so that other questions can come in between. */

import type { Row, RowList } from '../table';

/** True once the time of a slice is over. */
export type Over = () => boolean;

/** Where a row is: its position in the list, its chunk, and its position there, each counted from 0. */
export interface Place {
  readonly index: number;
  readonly chunk: number;
  readonly offset: number;
}

/** The clock is read after this many rows. */
const AT_ONCE = 32;

/** Visits rows in order, as far as its slices of time reach. */
export class Scan {
  readonly #list: RowList;
  readonly #visit: (row: Row, place: Place) => void;
  /** Rows to visit. */
  readonly of: number;
  #iterator: AsyncIterator<readonly Row[]> | null = null;
  #rows: readonly Row[] = [];
  #chunk = -1;
  #offset = 0;
  read = 0;

  /** `most`: only so many of the first rows are visited. */
  constructor(list: RowList, visit: (row: Row, place: Place) => void, most = Infinity) {
    this.#list = list;
    this.#visit = visit;
    this.of = Math.min(list.count, most);
  }

  get done(): boolean {
    return this.read >= this.of;
  }

  /** Goes on until all rows were visited or the time is over; by some rows at least. Resolves with whether all were visited. */
  async advance(over: Over): Promise<boolean> {
    while (!this.done) {
      if (this.#offset >= this.#rows.length && !(await this.#nextChunk())) break;
      this.#visitSome();
      if (over()) break;
    }
    return this.done;
  }

  #visitSome(): void {
    const end = Math.min(this.#rows.length, this.#offset + AT_ONCE, this.#offset + this.of - this.read);
    for (; this.#offset < end; this.#offset++) {
      const row = this.#rows[this.#offset];
      if (row !== undefined) this.#visit(row, { index: this.read, chunk: this.#chunk, offset: this.#offset });
      this.read++;
    }
  }

  async #nextChunk(): Promise<boolean> {
    this.#iterator ??= this.#list.read()[Symbol.asyncIterator]();
    const next = await this.#iterator.next();
    this.#rows = next.done === true ? [] : next.value;
    this.#chunk++;
    this.#offset = 0;
    return next.done !== true;
  }
}
