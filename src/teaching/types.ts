/** A teacher that writes the answers of a dataset: what is asked of it, and what it has written. It is stored, so that a reload loses nothing. */

import type { TaughtRow, TaughtRows } from '../dataset/taught';
import type { NamedMapping } from '../recipe/mapping';
import type { BasePrecision } from '../recipe/recipe';

export interface TeachingSettings {
  /** 0 is greedy decoding. */
  readonly temperature: number;
  /** Of an answer. */
  readonly maxTokens: number;
  readonly seed: number;
  /** The answers of the data stay in a column of their own. */
  readonly keepOriginal: boolean;
}

export interface TeachingJob extends TeachingSettings, Omit<TaughtRows, 'rows'> {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Of the dataset. */
  readonly name: string;
  readonly mapping: NamedMapping;
  readonly teacher: { readonly id: string; readonly name: string; readonly precision: BasePrecision };
  readonly rows: readonly TaughtRow[];
}

/** What the teacher wrote to a row. */
export interface TaughtAnswer {
  /** Of the row. */
  readonly index: number;
  readonly text: string;
  /** The teacher ended it; cut off at the most tokens, or where the teacher can read no more; there was no room for any. */
  readonly ended: boolean;
}

export interface StoredTeaching {
  readonly job: TeachingJob;
  readonly answers: readonly TaughtAnswer[];
}
