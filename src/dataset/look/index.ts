/** The table of questions about the rows of a dataset. Each is answered in slices of time: who asks, asks again until it is done. */

import type { Dataset } from '../dataset';
import type { Asker } from './asker';
import { bias } from './bias';
import { column } from './columns';
import { labels } from './labels';
import { languages } from './languages';
import { Looked } from './looked';
import { near } from './near';
import { row, rows } from './rows';
import type { LookKind, Question, Reply, RowSource } from './types';

const ASKERS: { readonly [K in LookKind]: Asker<K> } = { rows, row, column, labels, languages, near, bias };

/** Milliseconds that one answer may take. */
const SLICE = 100;

/** Answers questions about one dataset after the other; what it knows of one is forgotten with it. */
export class Look {
  readonly #now: () => number;
  #dataset: Dataset | null = null;
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

  #source(dataset: Dataset, source: RowSource): Looked {
    if (dataset !== this.#dataset) this.#sources.clear();
    this.#dataset = dataset;
    const known = this.#sources.get(source);
    if (known !== undefined) return known;
    const looked = new Looked(dataset, source);
    this.#sources.set(source, looked);
    return looked;
  }
}
