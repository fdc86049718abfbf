/**
 * Which rows of a long list are in sight. Rows have one height, so nothing has to be known of those out of sight. Browsers limit the
 * height of an element (Firefox to 17.9 million pixels): a longer list scrolls faster than its content, as a document under a short
 * scroll bar does.
 */

/** Height of a row, in pixels. */
export const ROW_HEIGHT = 32;

const MOST_HEIGHT = 15_000_000;

/** Rows beyond the edges that are there before they come into sight. */
const BEYOND = 8;

/** A list in a pane that scrolls. */
export interface Pane {
  /** Rows of the list. */
  readonly count: number;
  /** Pixels of the rows that are in sight. */
  readonly height: number;
}

/** Height of the content of the pane. */
export function contentHeight({ count, height }: Pane): number {
  return Math.max(Math.min(count * ROW_HEIGHT, MOST_HEIGHT), Math.min(count * ROW_HEIGHT, height));
}

/** Pixels of the list that one pixel of scrolling moves: 1 for all but very long lists. */
function scale(pane: Pane): number {
  const [list, content] = [pane.count * ROW_HEIGHT, contentHeight(pane)];
  return list <= content ? 1 : (list - pane.height) / (content - pane.height);
}

/** Rows in sight, and where the first of them is in the content. */
export interface RowsInSight {
  readonly first: number;
  /** Below `first` for an empty list. */
  readonly last: number;
  readonly top: number;
}

/** The rows in sight when the pane is scrolled to `scrolled`. */
export function rowsInSight(pane: Pane, scrolled: number): RowsInSight {
  const offset = scrolled * scale(pane);
  const first = Math.max(0, Math.min(Math.floor(offset / ROW_HEIGHT), pane.count) - BEYOND);
  const last = Math.min(pane.count, Math.ceil((offset + pane.height) / ROW_HEIGHT) + BEYOND) - 1;
  return { first, last, top: first * ROW_HEIGHT - offset + scrolled };
}

/** Where to scroll so that a row is wholly in sight; `scrolled` where it is. */
export function scrollTo(pane: Pane, scrolled: number, row: number): number {
  const [factor, start] = [scale(pane), row * ROW_HEIGHT];
  const offset = scrolled * factor;
  if (start < offset) return start / factor;
  const end = start + ROW_HEIGHT - pane.height;
  return end > offset ? end / factor : scrolled;
}

/** Where a key moves from row `at`; null for other keys. */
export function rowAfter(key: string, at: number, pane: Pane): number | null {
  const page = Math.max(1, Math.floor(pane.height / ROW_HEIGHT) - 1);
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: pane.count - 1,
  };
  const row = steps[key];
  return row === undefined ? null : Math.max(0, Math.min(row, pane.count - 1));
}
