/**
 * Reads Markdown: a row for each section, which is a heading with what follows it; without headings, for each paragraph. Blocks of code
 * stay whole, front matter is left out.
 */

import { afterLines, countLines, withLineFeeds, type ReadPart, type RowReader } from './reader';
import type { Row } from './table';

/** YAML or TOML at the start of a file. */
const FRONT_MATTER = /^(---|\+\+\+)[ \t]*\n[^]*?\n\1[ \t]*(\n|$)/;

const HEADING = /^ {0,3}#{1,6}(\s|$)/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/** A reader for a file that begins with `start`. */
export function markdownReader(start: string): RowReader {
  const text = withLineFeeds(start);
  const front = FRONT_MATTER.exec(text)?.[0] ?? '';
  const bySection = linesOf(text.slice(front.length)).some(({ text: line, inCode }) => !inCode && HEADING.test(line));
  const note = bySection ? 'Each section, with its heading, is an example.' : 'Each paragraph is an example.';
  return {
    columns: ['text'],
    headerless: true,
    skip: afterLines(start, countLines(front)),
    read: (part, line, last) => readBlocks(part, line, last, bySection),
    notes: () => (front === '' ? [note] : [note, 'The front matter was left out.']),
  };
}

interface Line {
  readonly text: string;
  readonly inCode: boolean;
}

/** The lines of a text, with those of blocks of code. A block ends with a fence of the same characters that is as long or longer. */
function linesOf(text: string): readonly Line[] {
  let fence: string | null = null;
  return text.split('\n').map((line) => {
    const [, found] = FENCE.exec(line) ?? [];
    const inCode = fence !== null;
    if (fence === null) fence = found ?? null;
    else if (found?.startsWith(fence) === true && line.trim() === found) fence = null;
    return { text: line, inCode };
  });
}

function readBlocks(part: string, line: number, last: boolean, bySection: boolean): ReadPart {
  const lines = linesOf(withLineFeeds(part));
  const starts = ({ text, inCode }: Line): boolean => !inCode && (bySection ? HEADING.test(text) : text.trim() === '');
  const rows: Row[] = [];
  let from = 0;
  const end = (to: number): void => {
    const block = lines.slice(from, to).map(({ text }) => text);
    const first = block.findIndex((text) => text.trim() !== '');
    if (first >= 0) rows.push({ line: line + from + first, cells: [block.slice(first).join('\n').trimEnd()] });
    from = to;
  };
  lines.forEach((one, index) => {
    if (index > from && starts(one) && (last || index < lines.length - 1)) end(index);
  });
  if (!last) return { rows, problems: [], rest: part.length - afterLines(part, from) };
  end(lines.length);
  return { rows, problems: [], rest: 0 };
}
