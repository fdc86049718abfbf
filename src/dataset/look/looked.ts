/** One source of rows that questions are asked about, and the work that goes on for them. */

import type { ColumnStats } from '../columns';
import type { Dataset } from '../dataset';
import type { Table } from '../table';
import type { Mapping } from '../types';
import { labelReader, type LabelReader } from './label-reader';
import type { RowSource } from './types';

/** The part of each row that is used, by its origin. */
export interface RowParts {
  /** Tells it from other splits. */
  readonly key: string;
  readonly of: ReadonlyMap<number, string>;
}

/** Keeps what is being counted, so that a question that is asked again goes on. */
export class Looked {
  readonly table: Table;
  readonly mapping: Mapping;
  /** Statistics of the columns of the file. */
  readonly columns: readonly ColumnStats[];
  /** Null for rows without labels. */
  readonly labels: LabelReader | null;
  /** The parts that rows are in, once they are known. */
  parts: RowParts | null = null;
  readonly #work = new Map<string, { readonly key: string; readonly work: unknown }>();

  constructor(dataset: Dataset, source: RowSource) {
    this.table = source === 'file' ? dataset.parsed : dataset.table;
    this.mapping = dataset.mapping;
    this.columns = dataset.columns;
    this.labels = labelReader(dataset);
  }

  /** The work of a slot, begun anew when its key is another one: the work of before is dropped. */
  work<T>(slot: string, key: string, begin: () => T): T {
    const held = this.#work.get(slot);
    if (held?.key === key) return held.work as T;
    const work = begin();
    this.#work.set(slot, { key, work });
    return work;
  }
}
