/** The filters of rows: one function for each kind. */

import { cellText, isFilled, type Row } from '../table';
import { used } from '../steps/step';
import type { Wanted } from './finder';
import type { Looked } from './looked';
import type { RowFilter, RowQuery } from './types';

type FilterOf<K extends RowFilter['kind']> = Extract<RowFilter, { readonly kind: K }>;

const FILTERS: { readonly [K in RowFilter['kind']]: (filter: FilterOf<K>, looked: Looked) => Wanted } = {
  empty:
    ({ column }) =>
    ({ cells }) =>
      !isFilled(cells[column]),
  is:
    ({ column, value }) =>
    ({ cells }) =>
      cellText(cells[column]) === value,
  longer:
    ({ column, than }) =>
    ({ cells }) =>
      cellText(cells[column]).length > than,
};

function wantedBy<K extends RowFilter['kind']>(filter: FilterOf<K> & { readonly kind: K }, looked: Looked): Wanted {
  const make: (filter: FilterOf<K>, looked: Looked) => Wanted = FILTERS[filter.kind];
  return make(filter, looked);
}

/** What a query wants: all filters apply, and a cell has the text that is searched. */
export function wantedRows({ search, column, filters }: RowQuery, looked: Looked): Wanted {
  const all = filters.map((filter) => wantedBy(filter, looked));
  if (search !== '') all.push(searched(search, column === null ? used(looked.mapping) : [column]));
  return (row, index) => all.every((wanted) => wanted(row, index));
}

function searched(search: string, columns: readonly number[]): Wanted {
  const text = search.toLowerCase();
  return ({ cells }: Row) => columns.some((column) => cellText(cells[column]).toLowerCase().includes(text));
}
