/** Decides whether the first line of a table has column names or data. */

import { cellText, SAMPLE_ROWS, type Row } from './table';

/** Column names that do not occur as data. */
const KNOWN = new Set(
  'messages conversations conversation prompt completion instruction input output response text label question answer system context chosen rejected history'.split(
    ' ',
  ),
);

const MAX_NAME = 64;

/**
 * True when `first` looks like column names: all different, short, not numbers, and none of them repeated as a value of its own
 * column (a first line of data repeats its label further down).
 */
export function isHeader(first: readonly string[], rest: readonly Row[]): boolean {
  const names = first.map((name) => name.trim().toLowerCase());
  if (names.some((name) => KNOWN.has(name))) return true;
  if (new Set(names).size < names.length || names.every((name) => name === '')) return false;
  if (!names.every(looksLikeName)) return false;
  return !names.some((name, column) => name !== '' && occursIn(rest, column, name));
}

const looksLikeName = (name: string) => name.length <= MAX_NAME && !/^[-+.,\d\s]+$/.test(name) && !/[.!?…]$/.test(name);

function occursIn(rows: readonly Row[], column: number, name: string): boolean {
  return rows.slice(0, SAMPLE_ROWS).some((row) => cellText(row.cells[column]).trim().toLowerCase() === name);
}
