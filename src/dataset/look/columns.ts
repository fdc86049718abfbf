/** One column in detail. */

import { isNumber } from '../labelled';
import { hashOf } from '../row-hash';
import { cellText } from '../table';
import type { ColumnFacts } from './answers';
import type { Asker } from './asker';
import type { Looked } from './looked';
import { answered, RowSurvey } from './survey';
import { Numbers } from './tally';

/** Different values that are counted: further ones are known to be there only. */
const MOST_DISTINCT = 100_000;
const TOP = 10;
const BINS = 24;

/** Characters of a value that are kept. */
const KEPT = 200;

export const column: Asker<'column'> = (looked, { column: index }, over) =>
  answered(
    looked.work('column', String(index), () => surveyOf(looked, index)),
    over,
  );

function surveyOf({ table }: Looked, column: number): RowSurvey<ColumnFacts> {
  const facts = new ColumnCount();
  return new RowSurvey(
    table.rows,
    ({ cells }) => facts.add(cells[column]),
    () => facts.facts(),
  );
}

interface Value {
  readonly value: string;
  readonly whole: boolean;
  rows: number;
}

class ColumnCount {
  readonly #values = new Map<string, Value>();
  readonly #lengths = new Numbers();
  #more = false;
  #rows = 0;
  #numeric = true;
  #least = Infinity;
  #largest = -Infinity;
  #sum = 0;

  add(cell: unknown): void {
    this.#rows++;
    const text = cellText(cell);
    if (text.trim() === '') return;
    this.#lengths.add(text.length);
    this.#addValue(text);
    if (this.#numeric) this.#addNumber(cell, text);
  }

  #addValue(text: string): void {
    const key = hashOf(text);
    const value = this.#values.get(key);
    if (value !== undefined) value.rows++;
    else if (this.#values.size >= MOST_DISTINCT) this.#more = true;
    else this.#values.set(key, { value: text.slice(0, KEPT), whole: text.length <= KEPT, rows: 1 });
  }

  #addNumber(cell: unknown, text: string): void {
    this.#numeric = isNumber(cell);
    const number = Number(text);
    this.#least = Math.min(this.#least, number);
    this.#largest = Math.max(this.#largest, number);
    this.#sum += number;
  }

  facts(): ColumnFacts {
    const filled = this.#lengths.count;
    const quantile = (q: number) => this.#lengths.quantile(q);
    return {
      rows: this.#rows,
      missing: this.#rows - filled,
      distinct: this.#values.size,
      more: this.#more,
      lengths: {
        min: quantile(0),
        median: quantile(0.5),
        p95: quantile(0.95),
        max: quantile(1),
        histogram: this.#lengths.histogram(BINS),
      },
      top: [...this.#values.values()].sort((a, b) => b.rows - a.rows).slice(0, TOP),
      numbers: this.#numeric && filled > 0 ? { min: this.#least, max: this.#largest, mean: this.#sum / filled } : null,
    };
  }
}
