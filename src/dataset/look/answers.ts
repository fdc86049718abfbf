/** What is answered about the rows of a dataset. Types only. */

import type { RowView } from './row-views';

export interface ColumnFacts {
  /** Rows that were counted, and those of them in which the cell is empty. */
  readonly rows: number;
  readonly missing: number;
  /** Different values, up to `MOST_DISTINCT`. */
  readonly distinct: number;
  readonly more: boolean;
  /** Of the cells that are filled, in characters. Quantiles by nearest rank. */
  readonly lengths: {
    readonly min: number;
    readonly median: number;
    readonly p95: number;
    readonly max: number;
    readonly histogram: { readonly width: number; readonly counts: readonly number[] };
  };
  /** The most frequent values. `whole`: the value is not shortened. */
  readonly top: readonly { readonly value: string; readonly rows: number; readonly whole: boolean }[];
  /** Where all cells that are filled are numbers. */
  readonly numbers: { readonly min: number; readonly max: number; readonly mean: number } | null;
}

export interface LabelBalance {
  /** A row may have more than one. */
  readonly several: boolean;
  /** Rows that were counted, and those of them that have no label. */
  readonly rows: number;
  readonly without: number;
  /** The most frequent first. */
  readonly labels: readonly { readonly label: string; readonly rows: number }[];
  /** All different labels, and the rows of those that are not listed, counted once for each label. */
  readonly distinct: number;
  readonly others: number;
}

export interface Languages {
  /** Rows whose language was looked at. */
  readonly rows: number;
  /** Only every so many rows were. */
  readonly every: number;
  /** The most frequent first. `code`: ISO 639-3, `und` where the text is too short to tell. */
  readonly languages: readonly { readonly code: string; readonly name: string; readonly rows: number }[];
}

export interface NearRows {
  /** Rows that were compared: the first of a large file. */
  readonly compared: number;
  readonly groups: number;
  /** Rows in all groups. */
  readonly rows: number;
  /** The largest groups, each with some of its rows. */
  readonly listed: readonly { readonly rows: number; readonly some: readonly RowView[] }[];
}

export interface Independence {
  /** Sum of (observed − expected)² ÷ expected. */
  readonly statistic: number;
  readonly freedom: number;
  /** The probability of such a statistic or a larger one where rows and columns are independent. */
  readonly p: number;
  /** Cramér's V: 0 for no association to 1 for the strongest, whatever the number of counts. */
  readonly v: number;
}

/** A value, and its share of the rows of two groups: labels, or parts (`train`, `heldOut`, `test`). */
export interface Contrast {
  /** Empty for cells without a value. */
  readonly value: string;
  readonly high: { readonly group: string; readonly share: number };
  readonly low: { readonly group: string; readonly share: number };
}

export interface ColumnBias {
  /** By position. */
  readonly column: number;
  /** Null where there are too few rows to tell. */
  readonly test: Independence | null;
  /** `chance`: no more than chance explains; `slight`: more, but the difference is small; `strong`: a model may learn it. */
  readonly verdict: 'few' | 'chance' | 'slight' | 'strong';
  /** The value whose shares differ most; null where chance explains them. */
  readonly contrast: Contrast | null;
}

export interface BiasCheck {
  /** Why nothing can be checked. */
  readonly reason: 'no labels' | 'several labels' | 'no parts' | 'no columns' | null;
  /** Rows that were compared. */
  readonly rows: number;
  /** The strongest first. */
  readonly columns: readonly ColumnBias[];
}
