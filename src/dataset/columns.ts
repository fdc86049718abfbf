/** Statistics of columns for the page. */

import { hashOf } from './row-hash';
import { cellText, type Row } from './table';
import { shorten } from './text';
import type { ColumnView } from './types';

const MAX_DISTINCT = 1000;

/** What is known of a column beside its role. */
export type ColumnStats = Omit<ColumnView, 'role'>;

/** Counts the cells of each column while rows are read. */
export class ColumnCounts {
  readonly #counts: ColumnCount[] = [];

  /** The counts of other rows, of which the column `columns[i]` is the i-th of these; -1 for one that they lack. */
  join(other: ColumnCounts, columns: readonly number[]): void {
    columns.forEach((column, index) => {
      const counted = other.#counts[column];
      if (counted !== undefined) this.#at(index).join(counted);
    });
  }

  #at(column: number): ColumnCount {
    while (this.#counts.length <= column) this.#counts.push(new ColumnCount());
    return this.#counts[column] ?? new ColumnCount();
  }

  /** Counts a row, or as many of its kind. */
  add({ cells }: Row, rows = 1): void {
    while (this.#counts.length < cells.length) this.#counts.push(new ColumnCount());
    this.#counts.forEach((count, column) => count.add(cellText(cells[column]), rows));
  }

  stats(columns: readonly string[]): ColumnStats[] {
    return columns.map((name, column) => ({ name, ...(this.#counts[column] ?? new ColumnCount()).stats() }));
  }
}

class ColumnCount {
  readonly #distinct = new Set<string>();
  readonly #samples: string[] = [];
  #filled = 0;
  #total = 0;
  #maxLength = 0;

  join(other: ColumnCount): void {
    this.#filled += other.#filled;
    this.#total += other.#total;
    this.#maxLength = Math.max(this.#maxLength, other.#maxLength);
    this.#samples.push(...other.#samples.slice(0, 3 - this.#samples.length));
    for (const value of other.#distinct) if (this.#distinct.size < MAX_DISTINCT) this.#distinct.add(value);
  }

  add(text: string, rows: number): void {
    if (text.trim() === '') return;
    this.#filled += rows;
    this.#total += rows * text.length;
    this.#maxLength = Math.max(this.#maxLength, text.length);
    if (this.#samples.length < 3) this.#samples.push(shorten(text));
    if (this.#distinct.size < MAX_DISTINCT) this.#distinct.add(hashOf(text));
  }

  stats(): Omit<ColumnStats, 'name'> {
    return {
      filled: this.#filled,
      distinct: this.#distinct.size,
      meanLength: this.#filled === 0 ? 0 : this.#total / this.#filled,
      maxLength: this.#maxLength,
      samples: this.#samples,
    };
  }
}
