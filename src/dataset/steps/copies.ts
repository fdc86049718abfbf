/**
 * Copies of rows. A copy keeps the line of its row, which is the mark of its origin: a split by line has a row and its copies on one side.
 * They follow the row, and are counted as new rows.
 */

import type { Row } from '../table';

/** The row and further rows; the row alone if there are none. */
export function withCopies(row: Row, copies: readonly Row[]): Row | readonly Row[] {
  return copies.length === 0 ? row : [row, ...copies];
}

/** The row and `count` copies of it. */
export function copiesOf(row: Row, count: number): Row | readonly Row[] {
  return withCopies(
    row,
    Array.from({ length: count }, () => ({ ...row })),
  );
}
