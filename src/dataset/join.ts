/** Joins the tables of several files: their columns by name, their rows one file after the other. */

import { ColumnCounts } from './columns';
import type { CountedFile } from './parse';
import { joinProblems, type Problems } from './problems';
import { SAMPLE, type Row, type RowList } from './table';

/** The table of a file, with its name. */
export interface NamedTable extends CountedFile {
  readonly name: string;
}

/** What all tables together are. The lines of a table count on from `before` of the one before. */
export interface JoinedTable extends Pick<CountedFile, 'columns' | 'rows' | 'sample' | 'problems' | 'counts' | 'notes'> {
  /** Lines before each table. */
  readonly before: readonly number[];
}

/** How a row of a table becomes one of the joined table. */
type Fit = (row: Row) => Row;

export function joinTables(tables: readonly NamedTable[]): JoinedTable {
  const columns = [...new Set(tables.flatMap((table) => table.columns))];
  const before: number[] = [];
  const counts = new ColumnCounts();
  let lines = 0;
  const parts = tables.map((table) => {
    const own = columns.map((name) => table.columns.indexOf(name));
    counts.join(table.counts, own);
    const first = lines;
    before.push(first);
    lines += table.lines;
    const fit: Fit = ({ line, cells }) => ({ line: first + line, cells: own.map((column) => cells[column]) });
    return { table, fit, first };
  });
  return {
    ...{ columns, before, counts },
    rows: joinRows(parts),
    sample: joinSamples(parts),
    problems: joinProblems(parts.map(({ table, first }) => shifted(table.problems, first))),
    notes: [...missingNotes(tables, columns), ...ownNotes(tables)],
  };
}

interface Part {
  readonly table: NamedTable;
  readonly fit: Fit;
}

function joinRows(parts: readonly Part[]): RowList {
  return {
    count: parts.reduce((sum, { table }) => sum + table.rows.count, 0),
    inMemory: parts.every(({ table }) => table.rows.inMemory),
    async *read() {
      for (const { table, fit } of parts) for await (const rows of table.rows.read()) yield rows.map(fit);
    },
  };
}

/** The first rows of each table, of all about as many. */
function joinSamples(parts: readonly Part[]): Row[] {
  const rows: Row[] = [];
  parts.forEach(({ table, fit }, index) => {
    const share = Math.ceil((SAMPLE - rows.length) / (parts.length - index));
    rows.push(...table.sample.slice(0, share).map(fit));
  });
  return rows;
}

function shifted({ count, first, reasons }: Problems, lines: number): Problems {
  const on = <T extends { readonly line: number }>(one: T): T => ({ ...one, line: one.line + lines });
  return { count, first: first.map(on), reasons: reasons.map(on) };
}

/** Notes that differ between files are said of so many of them. */
const MOST_NOTES = 3;

function missingNotes(tables: readonly NamedTable[], columns: readonly string[]): string[] {
  const notes = tables.flatMap(({ name, columns: own }) => {
    const missing = columns.filter((column) => !own.includes(column)).map((column) => `“${column}”`);
    if (missing.length === 0) return [];
    const listed = missing.length > 4 ? `${missing.slice(0, 4).join(', ')} and ${missing.length - 4} more` : missing.join(', ');
    return [`${name} has no column ${listed}: empty in its rows.`];
  });
  return firstOf(notes, 'files lack columns');
}

/** What was assumed to read the files: once where it is the same for all. */
function ownNotes(tables: readonly NamedTable[]): string[] {
  const [first] = tables;
  const shared = (first?.notes ?? []).filter((note) => tables.every(({ notes }) => notes.includes(note)));
  const others = tables.flatMap(({ name, notes }) =>
    notes.filter((note) => !shared.includes(note)).map((note) => `${name}: ${note}`),
  );
  return [...shared, ...firstOf(others, 'notes on other files')];
}

function firstOf(notes: readonly string[], what: string): string[] {
  const more = notes.length - MOST_NOTES;
  return more > 0 ? [...notes.slice(0, MOST_NOTES), `(${more.toLocaleString('en')} more ${what}.)`] : [...notes];
}
