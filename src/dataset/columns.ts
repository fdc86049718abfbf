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

  add({ cells }: Row): void {
    while (this.#counts.length < cells.length) this.#counts.push(new ColumnCount());
    this.#counts.forEach((count, column) => count.add(cellText(cells[column])));
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

  add(text: string): void {
    if (text.trim() === '') return;
    this.#filled++;
    this.#total += text.length;
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
