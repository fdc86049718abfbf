/** Single chunks of a list of rows, which may be on disk. */

import type { Row, RowList } from '../table';
import type { Over } from './scan';

/** Chunks that are kept: a window of rows is in two at most. */
const KEPT = 3;

/** Chunks of a list by number; the latest ones are at hand. */
export class Chunks {
  readonly #list: RowList;
  readonly #kept = new Map<number, readonly Row[]>();
  #iterator: AsyncIterator<readonly Row[]> | null = null;
  /** The chunk that the iterator reads next. */
  #next = 0;

  constructor(list: RowList) {
    this.#list = list;
  }

  /**
   * Null when the time is over before the chunk is reached: then the next call goes on. Chunks of a list that is not `direct` are reached
   * from the one before, or from the first.
   */
  async at(chunk: number, over: Over): Promise<readonly Row[] | null> {
    const kept = this.#kept.get(chunk);
    if (kept !== undefined) return kept;
    const rows = await this.#read(chunk, over);
    if (rows === null) return null;
    this.#kept.set(chunk, rows);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return rows;
  }

  async #read(chunk: number, over: Over): Promise<readonly Row[] | null> {
    const iterator = this.#iteratorBefore(chunk);
    for (;;) {
      const next = await iterator.next();
      const reached = this.#next++ === chunk;
      if (next.done === true) return [];
      if (reached) return next.value;
      if (over()) return null;
    }
  }

  #iteratorBefore(chunk: number): AsyncIterator<readonly Row[]> {
    const direct = this.#list.direct === true;
    if (this.#iterator === null || (direct ? this.#next !== chunk : this.#next > chunk)) {
      this.#next = direct ? chunk : 0;
      this.#iterator = this.#list.read(this.#next)[Symbol.asyncIterator]();
    }
    return this.#iterator;
  }
}
