/** The table that every parser produces: columns by position, rows with the line they begin on. */

import type { FileKind, RowProblem } from './types';

/** One row. Cells are by position, so a column named `__proto__` is a column like any other. `undefined` is a missing cell. */
export interface Row {
  /** Line in the file, counted from 1. */
  readonly line: number;
  readonly cells: readonly unknown[];
}

export interface Table {
  readonly kind: FileKind;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** Rows that could not be read, in the order of the file. */
  readonly problems: readonly RowProblem[];
  /** What had to be assumed to read the file, in sentences. */
  readonly notes: readonly string[];
  /** The file names no columns; they are called `column 1`, `column 2`, ... */
  readonly headerless: boolean;
}

/** What the parser of one kind of file returns. `parseFile` adds the kind, and notes on the encoding. */
export type ParsedTable = Omit<Table, 'kind'>;

/** Rows that the heuristics look at. */
export const SAMPLE_ROWS = 100;

/** More columns than this is no table of examples. */
export const MAX_COLUMNS = 500;

/** The cell as text: strings as they stand, numbers and booleans written out, lists and objects as JSON, else empty. */
export function cellText(cell: unknown): string {
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  if (cell === null || cell === undefined) return '';
  return JSON.stringify(cell);
}

/** True for a cell that holds more than white space. */
export function isFilled(cell: unknown): boolean {
  return cellText(cell).trim() !== '';
}

/** True for a cell with words in it: filled, and neither a number nor a truth value. */
export function isWordy(cell: unknown): boolean {
  return typeof cell === 'string' && /\p{L}/u.test(cell) && !/^(true|false|null|none|nan)$/i.test(cell.trim());
}

/** A truth value, also written as text (`True`); null for anything else. */
export function readTruth(cell: unknown): boolean | null {
  const text = cellText(cell).trim().toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : null;
}

/** Gives unnamed columns a name and repeated names a number, so that people can tell them apart. */
export function nameColumns(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((raw, i) => {
    const name = raw.trim() === '' ? `column ${i + 1}` : raw.trim();
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  });
}
