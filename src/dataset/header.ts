/** Tells a line of column names from a first row of data. */

import { cellText, SAMPLE_ROWS, type Row } from './table';

/** Names that nobody writes as data. */
const KNOWN = new Set(
  'messages conversations conversation prompt completion instruction input output response text label question answer system context chosen rejected history'.split(
    ' ',
  ),
);

const MAX_NAME = 64;

/**
 * True when `first` reads like column names: all different, short, no numbers, and none of them met again as a value
 * further down its own column (a label column gives itself away like that).
 */
export function isHeader(first: readonly string[], rest: readonly Row[]): boolean {
  const names = first.map((name) => name.trim().toLowerCase());
  if (names.some((name) => KNOWN.has(name))) return true;
  if (new Set(names).size < names.length || names.every((name) => name === '')) return false;
  if (!names.every(looksLikeName)) return false;
  return !names.some((name, column) => name !== '' && returnsIn(rest, column, name));
}

const looksLikeName = (name: string) => name.length <= MAX_NAME && !/^[-+.,\d\s]+$/.test(name) && !/[.!?…]$/.test(name);

function returnsIn(rows: readonly Row[], column: number, name: string): boolean {
  return rows.slice(0, SAMPLE_ROWS).some((row) => cellText(row.cells[column]).trim().toLowerCase() === name);
}
