/** Numbers the rows of a file, so that what data steps make of one of them stays together when the rows are split. */

import { allRows, listOfRows, type RowList, type Table } from './table';

/** The table with rows that are numbered, unless every one is known to have a line of its own. */
export async function withOrigins<T extends Pick<Table, 'rows'>>(table: T): Promise<T> {
  const { rows } = table;
  if (!rows.inMemory) return { ...table, rows: numbered(rows) };
  const all = await allRows(rows);
  const ascending = all.every(({ line }, index) => index === 0 || line > (all[index - 1]?.line ?? 0));
  return ascending ? table : { ...table, rows: listOfRows(all.map((row, origin) => ({ ...row, origin }))) };
}

/** Numbers rows while they are read. It keeps the number with which each chunk begins, so that a chunk is read without those before. */
function numbered(rows: RowList): RowList {
  const begins = [0];
  return {
    count: rows.count,
    inMemory: false,
    ...(rows.direct && { direct: true }),
    async *read(from = 0) {
      let chunk = rows.direct ? Math.min(from, begins.length - 1) : 0;
      for await (const part of rows.read(chunk)) {
        const begin = begins[chunk] ?? 0;
        chunk++;
        begins[chunk] = begin + part.length;
        if (chunk > from) yield part.map((row, index) => ({ ...row, origin: begin + index }));
      }
    },
  };
}
