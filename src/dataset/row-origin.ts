/** Where rows, and the examples that are made of them, come from. */

export interface Placed {
  /** Line in the file, counted from 1. */
  readonly line: number;
  /** Number of the row in the file, from 0. Absent where lines tell rows apart: a JSON list may have all of its rows on one line. */
  readonly origin?: number;
}

/** Identifies a row of the file. All rows that data steps make of it have the same origin. */
export function originOf({ line, origin }: Placed): number {
  return origin ?? line;
}

/** The line and the number of a row, without its cells. */
export function markOf({ line, origin }: Placed): Placed {
  return origin === undefined ? { line } : { line, origin };
}
