/** The contract of readers: what takes rows out of one kind of text, part after part. */

import type { Row } from './table';
import type { RowProblem } from './types';

/** What a reader took out of a part of the text. */
export interface ReadPart {
  readonly rows: readonly Row[];
  /** Rows that can't be parsed, in order. */
  readonly problems: readonly RowProblem[];
  /** Characters (UTF-16 units) at the end of the part that belong to a row which is not whole. */
  readonly rest: number;
}

/** Takes the same rows out of the same part every time it is asked. */
export interface RowReader {
  /** Column names. Those of JSON grow while it is read. */
  readonly columns: readonly string[];
  readonly headerless: boolean;
  /** Characters before the first row: a header, a title, the bracket of a list. */
  readonly skip: number;
  /** The whole rows of a part that begins with one; `line` is its first line, `last` says that the file ends with it. */
  read(text: string, line: number, last: boolean): ReadPart;
  /** Assumptions that were made to read the file, in sentences, once all of it was read. */
  notes(): readonly string[];
}

/** How many line ends a text has between two positions. */
export function countLines(text: string, from = 0, to = text.length): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** The text with `\n` line ends. */
export const withLineFeeds = (text: string): string => (text.includes('\r') ? text.replaceAll('\r\n', '\n') : text);

/** The position in a text after `count` line ends. */
export function afterLines(text: string, count: number): number {
  let at = 0;
  for (let line = 0; line < count; line++) {
    const end = text.indexOf('\n', at);
    if (end < 0) return text.length;
    at = end + 1;
  }
  return at;
}
