/** What the page can ask about the rows of a dataset, and the answers. */

import type { BiasCheck, ColumnFacts, LabelBalance, Languages, NearRows } from './answers';
import type { RowView, RowWindow } from './row-views';

/** The rows of the file, or what the data steps leave of them. */
export type RowSource = 'file' | 'cleaned';

/** What a row must be to be shown. Columns are counted from 0. */
export type RowFilter =
  | { readonly kind: 'empty'; readonly column: number }
  /** The cell is exactly this text. */
  | { readonly kind: 'is'; readonly column: number; readonly value: string }
  /** In characters. */
  | { readonly kind: 'longer'; readonly column: number; readonly than: number }
  /** The row has the label, perhaps beside others; empty: it has none. */
  | { readonly kind: 'label'; readonly label: string }
  /** ISO 639-3. */
  | { readonly kind: 'language'; readonly code: string }
  /** Another row has the same texts. */
  | { readonly kind: 'repeated' }
  /** Another row has nearly the same texts. */
  | { readonly kind: 'near' };

export interface RowQuery {
  /** Text that a cell has in it, in any case; empty for all rows. */
  readonly search: string;
  /** The column that is searched; null for all that are used. */
  readonly column: number | null;
  /** All must apply. */
  readonly filters: readonly RowFilter[];
}

/** Each kind of question, with what is asked and what is answered. */
export interface LookTypes {
  /** A window of the rows that match. Columns: whose cells are answered. */
  readonly rows: {
    readonly asked: RowQuery & { readonly from: number; readonly count: number; readonly columns: readonly number[] };
    readonly answer: RowWindow;
  };
  /** All cells of one row, by its position among all rows of the source. */
  readonly row: { readonly asked: { readonly index: number }; readonly answer: RowView };
  readonly column: { readonly asked: { readonly column: number }; readonly answer: ColumnFacts };
  /** Null for rows without labels. */
  readonly labels: { readonly asked: object; readonly answer: LabelBalance };
  readonly languages: { readonly asked: object; readonly answer: Languages };
  readonly near: { readonly asked: object; readonly answer: NearRows };
  readonly bias: { readonly asked: object; readonly answer: BiasCheck };
  /** `key`: of the parts that were marked. */
  readonly parts: { readonly asked: { readonly key: string }; readonly answer: BiasCheck };
}

export type LookKind = keyof LookTypes;

export type Question<K extends LookKind> = {
  readonly [Kind in K]: LookTypes[Kind]['asked'] & { readonly kind: Kind; readonly source: RowSource };
}[K];

/** The answer as far as the rows were read. The same question, asked again, reads further; another one of its kind replaces it. */
export interface Reply<K extends LookKind> {
  /** Null where nothing can be said yet. */
  readonly answer: LookTypes[K]['answer'] | null;
  /** Rows that were read, of all that have to be; some are read twice. */
  readonly read: number;
  readonly of: number;
  /** The answer is the last one. */
  readonly done: boolean;
}
