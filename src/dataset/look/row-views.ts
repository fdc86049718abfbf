/** Rows as the page shows them. */

import { originOf } from '../row-origin';
import { cellText, type Row } from '../table';
import { shorten } from '../text';

/** Characters of a cell in a list, and in a row that is shown by itself. */
const IN_LIST = 160;
const BY_ITSELF = 20_000;

export interface RowView {
  /** Position among all rows of the source, counted from 0. */
  readonly index: number;
  readonly line: number;
  /** What tells its row of the file from the others. */
  readonly origin: number;
  /** Cells as text, cut off where they are long. */
  readonly cells: readonly string[];
}

/** Some of the rows that match. */
export interface RowWindow {
  /** All rows of the source. */
  readonly total: number;
  /** How many match, of those that were read. */
  readonly matches: number;
  /** Null while they are not reached. */
  readonly rows: readonly RowView[] | null;
}

/** The row in a list, with the cells of some columns. */
export function listedRow(row: Row, index: number, columns: readonly number[]): RowView {
  return viewOf(row, index, columns, IN_LIST);
}

/** The row with all cells. */
export function wholeRow(row: Row, index: number, columns: readonly string[]): RowView {
  return viewOf(row, index, [...columns.keys()], BY_ITSELF);
}

function viewOf(row: Row, index: number, columns: readonly number[], most: number): RowView {
  const cells = columns.map((column) => shorten(cellText(row.cells[column]), most));
  return { index, line: row.line, origin: originOf(row), cells };
}
