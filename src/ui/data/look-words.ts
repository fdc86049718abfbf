/** What the tab Look says of filters and of counts. */

import type { BiasCheck, ColumnBias, DatasetView, RowFilter } from '../../../workers/api';
import { count, percent, plural } from '../format';

/** Kinds of filters that the user adds by hand, and what they ask for. */
export const FILTER_KINDS = [
  { value: 'empty', label: 'A column is empty' },
  { value: 'is', label: 'A column is exactly' },
  { value: 'longer', label: 'A column is longer than' },
  { value: 'repeated', label: 'The row has exact duplicates' },
  { value: 'near', label: 'The row has near-duplicates' },
] as const;

export type FilterKind = (typeof FILTER_KINDS)[number]['value'];

const columnName = ({ columns }: DatasetView, column: number): string => `“${columns[column]?.name ?? ''}”`;

const WORDS: { readonly [K in RowFilter['kind']]: (filter: Extract<RowFilter, { kind: K }>, view: DatasetView) => string } = {
  empty: ({ column }, view) => `${columnName(view, column)} is empty`,
  is: ({ column, value }, view) => `${columnName(view, column)} is “${value}”`,
  longer: ({ column, than }, view) => `${columnName(view, column)} is longer than ${count(than)} characters`,
  label: ({ label }) => (label === '' ? 'no label' : `label “${label}”`),
  language: ({ code }) => `language ${languageName(code)}`,
  repeated: () => 'exact duplicates',
  near: () => 'near-duplicates',
};

/** The name of a language by its ISO 639-3 code. */
function languageName(code: string): string {
  return code === 'und' ? 'too short to tell' : (new Intl.DisplayNames('en', { type: 'language' }).of(code) ?? code);
}

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

const NO_BIAS: Readonly<Record<NonNullable<BiasCheck['reason']>, string>> = {
  'no labels': 'These rows have no labels to compare the columns with.',
  'several labels': 'Rows with several labels each are not compared.',
  'no parts': 'The rows are not split yet.',
  'no columns': 'No column to compare has 2 to 50 values that repeat.',
};

/** Why columns are not compared with the labels. */
export const noBiasWords = (reason: NonNullable<BiasCheck['reason']>): string => NO_BIAS[reason];

/** A p-value: `p < 0.001`, `p = 0.23`. */
export const pWords = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${Number(p.toPrecision(2))}`);

/** What rows are compared by: their label, or the part that they are in. */
export type Groups = 'label' | 'part';

/** What the check of a column found, in sentences. */
export function biasWords({ column, test, verdict, contrast }: ColumnBias, view: DatasetView, groups: Groups): string {
  const name = columnName(view, column);
  if (test === null || verdict === 'few') return `${name}: there are too few rows to tell.`;
  const between = groups === 'label' ? 'between labels' : 'between the parts';
  if (verdict === 'chance') return `${name} differs ${between} no more than chance explains (${pWords(test.p)}).`;
  const found = `${name} differs ${between} more than chance explains (${pWords(test.p)})`;
  const where = contrast === null ? '' : `: ${contrastWords(contrast, groups)}`;
  if (verdict === 'slight') return `${found}, but little${where}. This hardly matters.`;
  return `${found}${where}. ${groups === 'part' ? OTHER_ROWS : view.columns[column]?.role === 'ignore' ? hidden(name) : seen(name)}`;
}

function contrastWords({ value, high, low }: NonNullable<ColumnBias['contrast']>, groups: Groups): string {
  const what = value === '' ? 'Empty cells are' : `“${value}” is`;
  const group = (one: string): string => (groups === 'label' ? `“${one}”` : `the ${PARTS[one] ?? one} rows`);
  return `${what} ${percent(rounded(high.share))} of ${group(high.group)} and ${percent(rounded(low.share))} of ${group(low.group)}`;
}

const PARTS: Readonly<Record<string, string>> = { train: 'training', heldOut: 'validation', test: 'test' };

const rounded = (share: number): number => Math.round(100 * share) / 100;
const seen = (name: string): string => `A model may learn ${name} in place of the text.`;
const hidden = (name: string): string =>
  `The model does not read ${name}. But texts with the same ${name} may share words, and the model may learn these words.`;
const OTHER_ROWS = 'The measured rows then differ from the learnt ones. If you do not want that, choose another split.';

/** How many rows and groups are near-duplicates. */
export function nearWords(rows: number, groups: number, compared: number, all: number): string {
  const among = compared < all ? ` Only the first ${count(compared)} rows were compared.` : '';
  if (groups === 0) return `No two rows have nearly the same text.${among}`;
  return `${plural(rows, 'row')} are in ${plural(groups, 'group')} of nearly the same text.${among}`;
}
