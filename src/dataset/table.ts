/** The table that every parser produces: columns by position, rows with their first line. */

import { pauses } from '../core/event-loop';
import type { Placed } from './row-origin';
import type { Problems } from './problems';
import type { FileKind, FileView, RowProblem } from './types';

/** One row. Cells are stored by position, so that a column may be named `__proto__`. A missing cell is `undefined`. */
export interface Row extends Placed {
  readonly cells: readonly unknown[];
}

/** Rows in the order of the file. They may be too many for memory, so they are read in chunks. */
export interface RowList {
  readonly count: number;
  /** The rows are in memory: to read them again costs nothing. */
  readonly inMemory: boolean;
  /** Chunks can be read without those before them. */
  readonly direct?: true;
  /** Reads all rows, from the first on; where `direct`, from chunk `from` on, counted from 0. The chunks are always the same. */
  read(from?: number): AsyncIterable<readonly Row[]>;
}

export interface Table {
  readonly kind: FileKind;
  readonly columns: readonly string[];
  readonly rows: RowList;
  /** The first `SAMPLE` rows: what guesses about the table read. */
  readonly sample: readonly Row[];
  /** Rows that could not be parsed. */
  readonly problems: Problems;
  /** Assumptions that were made to parse the file, in sentences. */
  readonly notes: readonly string[];
  /** The file has no column names; the columns are called `column 1`, `column 2`, ... */
  readonly headerless: boolean;
  /** The files that the rows come from; absent for a single one. */
  readonly files?: readonly FileView[];
}

/** What the parser of one kind of file returns. `parseFile` adds the kind, and notes on the encoding. */
export interface ParsedTable extends Pick<Table, 'columns' | 'notes' | 'headerless'> {
  readonly rows: readonly Row[];
  /** Rows that could not be parsed, in file order. */
  readonly problems: readonly RowProblem[];
}

/** Rows in memory that are read at once. */
const AT_ONCE = 64;

/** Rows that are in memory. They are read in small chunks, so that a question about them is answered while they are encoded. */
export function listOfRows(rows: readonly Row[]): RowList {
  return {
    count: rows.length,
    inMemory: true,
    direct: true,
    async *read(from = 0) {
      const pause = pauses();
      for (let start = from * AT_ONCE; start < rows.length; start += AT_ONCE) {
        yield rows.slice(start, start + AT_ONCE);
        await pause();
      }
    },
  };
}

/** All rows of a list, for one that fits in memory. */
export async function allRows(list: RowList): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const chunk of list.read()) for (const row of chunk) rows.push(row);
  return rows;
}

/** The cells of a file as text, by line. */
export interface FileRows {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly line: number; readonly cells: readonly string[] }[];
}

export async function fileRows({ columns, rows }: Table): Promise<FileRows> {
  const all = await allRows(rows);
  return { columns, rows: all.map(({ line, cells }) => ({ line, cells: columns.map((_, i) => cellText(cells[i])) })) };
}

/** How many rows the detection of the format reads. */
export const SAMPLE_ROWS = 100;

/** How many rows of a table are at hand for every guess. */
export const SAMPLE = 2000;

/** Tables with more columns are refused. */
export const MAX_COLUMNS = 500;

/** The cell as text: strings unchanged, numbers and booleans as `String` writes them, lists and objects as JSON, null as ''. */
export function cellText(cell: unknown): string {
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  if (cell === null || cell === undefined) return '';
  return JSON.stringify(cell);
}

/** True for a cell with more than white space. */
export function isFilled(cell: unknown): boolean {
  return cellText(cell).trim() !== '';
}

/** True for text with letters that is not a truth value or a word for a missing value. */
export function isWordy(cell: unknown): boolean {
  return typeof cell === 'string' && /\p{L}/u.test(cell) && !/^(true|false|null|none|nan)$/i.test(cell.trim());
}

/** The truth value of a cell, which may be text (`True`); null for other cells. */
export function readTruth(cell: unknown): boolean | null {
  const text = cellText(cell).trim().toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : null;
}

/** A truth value that may be written as 0 or 1; null for other cells. */
export function readFlag(cell: unknown): boolean | null {
  const text = cellText(cell).trim();
  return text === '1' ? true : text === '0' ? false : readTruth(cell);
}

/** Makes column names unique: gives unnamed columns a name and repeated names a number. */
export function nameColumns(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((raw, i) => {
    const name = raw.trim() === '' ? `column ${i + 1}` : raw.trim();
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  });
}
