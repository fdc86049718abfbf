/** Questions about rows: those that match, a window at a time, and one of them with all its cells. */

import type { Asker } from './asker';
import { prepareFilters, wantedRows } from './filters';
import { Finder, type Found } from './finder';
import type { Looked } from './looked';
import { listedRow, wholeRow } from './row-views';
import type { RowQuery } from './types';

/** The latest query is remembered with where its rows are. */
function finderOf(looked: Looked, query: RowQuery): Finder {
  const { search, column, filters } = query;
  return looked.work('rows', JSON.stringify([search, column, filters]), () => {
    return new Finder(looked.table.rows, wantedRows(query, looked));
  });
}

/** Rows that were found are answered before more are looked for. */
export const rows: Asker<'rows'> = async (looked, { from, count, columns, ...query }, over) => {
  const total = looked.table.rows.count;
  const ready = await prepareFilters(query.filters, looked, over);
  if (!ready.done) return { answer: { total, matches: 0, rows: null }, read: ready.read, of: ready.of + total, done: false };
  const finder = finderOf(looked, query);
  if (finder.matches < from + count) await finder.scan.advance(over);
  const found = await finder.window(from, count, over);
  const scanned = found !== null && (await finder.scan.advance(over));
  // The rows that were read last may have more for the window.
  const done = scanned && found.length >= Math.min(count, finder.matches - from);
  const listed = found?.map(({ row, index }: Found) => listedRow(row, index, columns)) ?? null;
  const { read, of } = finder.scan;
  return { answer: { total, matches: finder.matches, rows: listed }, read: ready.read + read, of: ready.of + of, done };
};

/** A row is reached from the places of all rows, which are looked for apart from those of the page's query. */
export const row: Asker<'row'> = async (looked, { index }, over) => {
  const finder = looked.work('row', '', () => new Finder(looked.table.rows, () => true));
  if (finder.matches <= index) await finder.scan.advance(over);
  const [found] = (await finder.window(index, 1, over)) ?? [];
  const answer = found === undefined ? null : wholeRow(found.row, found.index, looked.table.columns);
  return { answer, read: Math.min(finder.scan.read, index + 1), of: index + 1, done: answer !== null || index >= finder.scan.of };
};
