/** Reads plain text: one example for each paragraph, or for each line of a file without blank lines. */

import { afterLines, withLineFeeds, type ReadPart, type RowReader } from './reader';
import type { Row } from './table';

/** A reader for texts with an empty line between paragraphs. */
export function documentReader(): RowReader {
  return {
    ...{ columns: ['text'], headerless: true, skip: 0, read: readParagraphs },
    notes: () => ['Each paragraph is an example.'],
  };
}

/** A reader for a file that begins with `start`. It is split at blank lines if there are some between texts, else at every line. */
export function paragraphReader(start: string): RowReader {
  const lines = withLineFeeds(start).trim().split('\n');
  const byLine = lines.length > 1 && lines.every((line) => line.trim() !== '');
  const note = byLine ? 'There are no blank lines, so each line is an example.' : 'Each paragraph is an example.';
  return {
    columns: ['text'],
    headerless: true,
    skip: 0,
    read: byLine ? readLines : readParagraphs,
    notes: () => [note],
  };
}

function readLines(part: string, line: number, last: boolean): ReadPart {
  const lines = withLineFeeds(part).split('\n');
  const whole = last ? lines.length : lines.length - 1;
  const rows = lines.slice(0, whole).flatMap((text, i) => (text.trim() === '' ? [] : [{ line: line + i, cells: [text] }]));
  return { rows, problems: [], rest: last ? 0 : part.length - afterLines(part, whole) };
}

function readParagraphs(part: string, line: number, last: boolean): ReadPart {
  const lines = withLineFeeds(part).split('\n');
  const rows: Row[] = [];
  let from = 0;
  for (let i = 0; i < lines.length; i++) {
    if ((lines[i] ?? '').trim() !== '' || (i === lines.length - 1 && !last)) continue;
    if (i > from) rows.push({ line: line + from, cells: [lines.slice(from, i).join('\n')] });
    from = i + 1;
  }
  if (!last) return { rows, problems: [], rest: part.length - afterLines(part, from) };
  if (from < lines.length) rows.push({ line: line + from, cells: [lines.slice(from).join('\n')] });
  return { rows, problems: [], rest: 0 };
}
