/** Parses plain text: one example for each paragraph, or for each line of a file without blank lines. */

import type { ParsedTable, Row } from './table';

/** Splits at blank lines; a file without blank lines is split at every line. */
export function parseParagraphs(text: string): ParsedTable {
  const lines = text.split('\n');
  const blocks = paragraphsOf(lines);
  const byLine = blocks.length === 1 && lines.length > 1;
  const rows = byLine ? linesOf(lines) : blocks;
  const note = byLine ? 'There are no blank lines, so each line is an example.' : 'Each paragraph is an example.';
  return { columns: ['text'], rows, problems: [], notes: [note], headerless: true };
}

function paragraphsOf(lines: readonly string[]): Row[] {
  const rows: Row[] = [];
  let from = 0;
  for (let i = 0; i <= lines.length; i++) {
    if ((lines[i] ?? '').trim() !== '') continue;
    if (i > from) rows.push({ line: from + 1, cells: [lines.slice(from, i).join('\n')] });
    from = i + 1;
  }
  return rows;
}

function linesOf(lines: readonly string[]): Row[] {
  return lines.flatMap((line, i) => (line.trim() === '' ? [] : [{ line: i + 1, cells: [line] }]));
}
