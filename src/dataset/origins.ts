/** Numbers the rows of a file, so that what data steps make of one of them stays together when the rows are split. */

import { allRows, listOfRows, type Row, type RowList, type Table } from './table';

/** The table with rows that are numbered, unless every one is known to have a line of its own. */
export async function withOrigins<T extends Pick<Table, 'rows'>>(table: T): Promise<T> {
  const { rows } = table;
  if (!rows.inMemory) return { ...table, rows: { count: rows.count, inMemory: false, read: () => numbered(rows) } };
  const all = await allRows(rows);
  const ascending = all.every(({ line }, index) => index === 0 || line > (all[index - 1]?.line ?? 0));
  return ascending ? table : { ...table, rows: listOfRows(all.map((row, origin) => ({ ...row, origin }))) };
}

async function* numbered(rows: RowList): AsyncIterable<readonly Row[]> {
  let origin = 0;
  for await (const chunk of rows.read()) yield chunk.map((row) => ({ ...row, origin: origin++ }));
}
