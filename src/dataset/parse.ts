/** Parses a file to a table: detects what kind of text it is and calls the parser for that kind. */

import { CodedError } from '../core/errors';
import { decodeText } from './bytes';
import { parseDelimited } from './csv';
import { parseJson, parseJsonl } from './json';
import { sniffKind } from './sniff';
import { parseParagraphs } from './paragraphs';
import { problemsOf } from './problems';
import { listOfRows, MAX_COLUMNS, SAMPLE, type ParsedTable, type Table } from './table';
import type { FileKind } from './types';

const PARSERS: Record<FileKind, (text: string) => ParsedTable> = {
  csv: (text) => parseDelimited(text, 'csv'),
  tsv: (text) => parseDelimited(text, 'tsv'),
  jsonl: parseJsonl,
  json: parseJson,
  txt: parseParagraphs,
};

/** Parses a file. Bad rows become problems of the table. Throws data/empty, data/binary, data/parse, data/columns, data/no-examples. */
export function parseFile(name: string, bytes: Uint8Array): Table {
  const { text, notes } = decodeText(bytes);
  const normal = normalizeLineEnds(text);
  const kind = sniffKind(name, normal);
  const parsed = PARSERS[kind](normal);
  refuseUnusable(parsed);
  return {
    ...parsed,
    kind,
    rows: listOfRows(parsed.rows),
    sample: parsed.rows.slice(0, SAMPLE),
    problems: problemsOf(parsed.problems),
    notes: [...notes, ...parsed.notes],
  };
}

/** Replaces `\r\n` by `\n`. In a file without `\n`, `\r` ends the lines and is replaced. */
function normalizeLineEnds(text: string): string {
  if (!text.includes('\r')) return text;
  return text.includes('\n') ? text.replaceAll('\r\n', '\n') : text.replaceAll('\r', '\n');
}

function refuseUnusable(table: ParsedTable): void {
  if (table.columns.length > MAX_COLUMNS) {
    const found = `This file has ${table.columns.length} different columns; at most ${MAX_COLUMNS} can be mapped.`;
    throw new CodedError('data/columns', `${found} Keep only the columns with the examples.`);
  }
  if (table.rows.length > 0) return;
  const problems = table.problems.slice(0, 20).map((p) => ({ where: `line ${p.line}`, message: p.message }));
  const [first] = table.problems;
  if (first === undefined) {
    throw new CodedError('data/no-examples', 'This file has column names but no rows. Add at least one example.');
  }
  const message = `None of the ${table.problems.length} rows can be read. Line ${first.line}: ${first.message}`;
  throw new CodedError('data/parse', message, problems);
}
