/** Finds the rows that match, and gives windows of them: it keeps where they are, not what they are. */

import type { Row, RowList } from '../table';
import { Chunks } from './chunks';
import { Scan, type Over, type Place } from './scan';

/** True for a row that is wanted; `index`: its position in the list. */
export type Wanted = (row: Row, index: number) => boolean;

/** A row, and its position in the list. */
export interface Found {
  readonly row: Row;
  readonly index: number;
}

/** Rows of a block: their positions in it have 16 bits. */
const BLOCK = 4096;

/** Neighbouring rows of one chunk, and which of them match. */
interface Block {
  readonly chunk: number;
  /** Position of its first row in the chunk, and in the list. */
  readonly offset: number;
  readonly first: number;
  /** Matches in the blocks before. */
  readonly before: number;
  /** Positions in the block of the rows that match: 2 bytes each. Null for all. */
  hits: Uint16Array | null;
  matches: number;
}

/** The rows of a list that match, as far as they were read. */
export class Finder {
  readonly #wanted: Wanted;
  readonly #chunks: Chunks;
  readonly #blocks: Block[] = [];
  /** Hits of the last block. */
  #open: number[] = [];
  /** A window that is being collected. */
  #window: { readonly from: number; readonly found: Found[] } | null = null;
  readonly scan: Scan;
  matches = 0;

  constructor(list: RowList, wanted: Wanted) {
    this.#wanted = wanted;
    this.#chunks = new Chunks(list);
    this.scan = new Scan(list, (row, place) => this.#take(row, place));
  }

  #take(row: Row, { index, chunk, offset }: Place): void {
    let block = this.#blocks.at(-1);
    if (block?.chunk !== chunk || offset >= block.offset + BLOCK) {
      this.#close(block, index);
      block = { chunk, offset, first: index, before: this.matches, hits: null, matches: 0 };
      this.#blocks.push(block);
    }
    if (!this.#wanted(row, index)) return;
    this.#open.push(offset - block.offset);
    block.matches++;
    this.matches++;
  }

  /** `end`: position in the list of the row after the block. */
  #close(block: Block | undefined, end: number): void {
    if (block !== undefined && block.matches < end - block.first) block.hits = Uint16Array.from(this.#open);
    this.#open = [];
  }

  /**
   * Matches `from` to `from + count`, of those found. Null when the time is over before they are reached: the same call goes on from
   * there.
   */
  async window(from: number, count: number, over: Over): Promise<readonly Found[] | null> {
    if (this.#window?.from !== from || this.#window.found.length > count) this.#window = { from, found: [] };
    const { found } = this.#window;
    const end = Math.min(from + count, this.matches);
    for (let at = this.#blockOf(from + found.length); from + found.length < end; at++) {
      const block = this.#blocks[at];
      const rows = block === undefined ? null : await this.#chunks.at(block.chunk, over);
      if (block === undefined || rows === null) return null;
      this.#collect(block, rows, { from, end }, found);
      if (from + found.length < end && over()) return null;
    }
    this.#window = null;
    return found;
  }

  #collect(
    block: Block,
    rows: readonly Row[],
    { from, end }: { readonly from: number; readonly end: number },
    found: Found[],
  ): void {
    const last = Math.min(block.matches, end - block.before);
    for (let hit = from + found.length - block.before; hit < last; hit++) {
      const position = this.#hit(block, hit);
      const row = rows[block.offset + position];
      if (row !== undefined) found.push({ row, index: block.first + position });
    }
  }

  #hit(block: Block, hit: number): number {
    const hits = block === this.#blocks.at(-1) ? this.#open : block.hits;
    return hits?.[hit] ?? hit;
  }

  /** The last block that begins at match `from` or before. */
  #blockOf(from: number): number {
    let [low, high] = [0, this.#blocks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#blocks[middle]?.before ?? 0) <= from) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }
}
