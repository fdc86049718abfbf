/** Where rows, and the examples that are made of them, come from. */

export interface Placed {
  /** Line in the file, counted from 1. */
  readonly line: number;
  /** Number of the row in the file, from 0. Absent where lines tell rows apart: a JSON list may have all of its rows on one line. */
  readonly origin?: number;
}

/** What tells a row of the file from the others; all that data steps make of one row has the same. */
export function originOf({ line, origin }: Placed): number {
  return origin ?? line;
}

/** The line and the number of a row, without its cells. */
export function markOf({ line, origin }: Placed): Placed {
  return origin === undefined ? { line } : { line, origin };
}
