/** What the tab Look says of filters and of counts. */

import type { DatasetView, RowFilter } from '../../../workers/api';
import { count, percent } from '../format';

/** Kinds of filters that the user adds by hand, and what they ask for. */
export const FILTER_KINDS = [
  { value: 'empty', label: 'A column is empty' },
  { value: 'is', label: 'A column is exactly' },
  { value: 'longer', label: 'A column is longer than' },
] as const;

export type FilterKind = (typeof FILTER_KINDS)[number]['value'];

const columnName = ({ columns }: DatasetView, column: number): string => `“${columns[column]?.name ?? ''}”`;

const WORDS: { readonly [K in RowFilter['kind']]: (filter: Extract<RowFilter, { kind: K }>, view: DatasetView) => string } = {
  empty: ({ column }, view) => `${columnName(view, column)} is empty`,
  is: ({ column, value }, view) => `${columnName(view, column)} is “${value}”`,
  longer: ({ column, than }, view) => `${columnName(view, column)} is longer than ${count(than)} characters`,
};

/** A filter in words. */
export function filterWords<K extends RowFilter['kind']>(
  filter: Extract<RowFilter, { kind: K }> & { readonly kind: K },
  view: DatasetView,
): string {
  return WORDS[filter.kind](filter, view);
}

/** How far the rows were read: `read 40 %`. */
export const readWords = (read: number, of: number): string =>
  `read ${percent(Math.floor((100 * read) / Math.max(1, of)) / 100)}`;
