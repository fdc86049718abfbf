/** The table that every parser produces: columns by position, rows with their first line. */

import type { FileKind, RowProblem } from './types';

/** One row. Cells are stored by position, so that a column may be named `__proto__`. A missing cell is `undefined`. */
export interface Row {
  /** Line in the file, counted from 1. */
  readonly line: number;
  readonly cells: readonly unknown[];
}

export interface Table {
  readonly kind: FileKind;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** Rows that could not be parsed, in file order. */
  readonly problems: readonly RowProblem[];
  /** Assumptions that were made to parse the file, in sentences. */
  readonly notes: readonly string[];
  /** The file has no column names; the columns are called `column 1`, `column 2`, ... */
  readonly headerless: boolean;
}

/** What the parser of one kind of file returns. `parseFile` adds the kind, and notes on the encoding. */
export type ParsedTable = Omit<Table, 'kind'>;

/** The cells of a file as text, by line. */
export interface FileRows {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly line: number; readonly cells: readonly string[] }[];
}

export function fileRows({ columns, rows }: Table): FileRows {
  return { columns, rows: rows.map(({ line, cells }) => ({ line, cells: columns.map((_, i) => cellText(cells[i])) })) };
}

/** How many rows the heuristics read. */
export const SAMPLE_ROWS = 100;

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
