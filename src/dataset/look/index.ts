/** The table of questions about the rows of a dataset. Each is answered in slices of time: who asks, asks again until it is done. */

import type { Dataset } from '../dataset';
import type { Asker } from './asker';
import { bias, parts } from './bias';
import { column } from './columns';
import { labels } from './labels';
import { languages } from './languages';
import { Looked, type RowParts } from './looked';
import { near } from './near';
import { row, rows } from './rows';
import type { LookKind, Question, Reply, RowSource } from './types';

const ASKERS: { readonly [K in LookKind]: Asker<K> } = { rows, row, column, labels, languages, near, bias, parts };

/** Milliseconds that one answer may take. */
const SLICE = 100;

/** Answers questions about one dataset after the other; what it knows of one is forgotten with it. */
export class Look {
  readonly #now: () => number;
  #dataset: Dataset | null = null;
  #parts: RowParts | null = null;
  #marks = 0;
  #sources = new Map<RowSource, Looked>();

  /** `now`: the time in milliseconds. */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  async ask<K extends LookKind>(dataset: Dataset, question: Question<K>): Promise<Reply<K>> {
    const end = this.#now() + SLICE;
    const { kind, source } = question;
    const asker: Asker<K> = ASKERS[kind];
    return asker(this.#source(dataset, source), question, () => this.#now() >= end);
  }

  /** Takes the parts that the rows are in, for questions about them. Returns the key that these have. */
  markParts(dataset: Dataset, of: ReadonlyMap<number, string>): string {
    this.#take(dataset);
    this.#parts = { key: String(++this.#marks), of };
    return this.#parts.key;
  }

  #take(dataset: Dataset): void {
    if (dataset === this.#dataset) return;
    this.#dataset = dataset;
    this.#parts = null;
    this.#sources.clear();
  }

  #source(dataset: Dataset, source: RowSource): Looked {
    this.#take(dataset);
    const looked = this.#sources.get(source) ?? new Looked(dataset, source);
    this.#sources.set(source, looked);
    looked.parts = this.#parts;
    return looked;
  }
}
