/** Parses CSV and TSV with papaparse. Adds line numbers to rows and errors, and detects whether there is a header line. */

import Papa from 'papaparse';
import { CodedError } from '../core/errors';
import { isHeader } from './header';
import { nameColumns, type ParsedTable, type Row } from './table';
import type { RowProblem } from './types';

interface RawRow extends Row {
  readonly cells: readonly string[];
  /** Last line of the row: after `line` where a quoted field contains line breaks. */
  readonly endLine: number;
}

/** A field with wrong quotes: its first line, and the last line of its row. */
interface QuoteError {
  readonly line: number;
  readonly endLine: number;
  /** The field runs to the end of the file. */
  readonly unclosed: boolean;
}

interface RawTable {
  readonly rows: readonly RawRow[];
  readonly quotes: readonly QuoteError[];
}

/** Parses text with `\n` line ends. Throws data/parse when a wrong quote joins several lines. Ragged rows become problems. */
export function parseDelimited(text: string, kind: 'csv' | 'tsv'): ParsedTable {
  const delimiter = kind === 'tsv' ? '\t' : guessDelimiter(text);
  const quoted = readRows(text, delimiter, true);
  if (kind === 'tsv' && quotesAreText(quoted)) {
    const note = 'Quotes in this file are part of the text, because they do not enclose fields. They were kept.';
    return tableOf(readRows(text, delimiter, false).rows, [note]);
  }
  refuseUnclosed(quoted.quotes);
  return tableOf(quoted.rows, [...delimiterNote(kind, delimiter), ...strayNote(quoted.quotes)]);
}

function guessDelimiter(text: string): string {
  const guess = Papa.parse(text, { preview: 50, delimitersToGuess: [',', ';', '\t', '|'], newline: '\n', skipEmptyLines: true });
  return guess.meta.delimiter;
}

const DELIMITER_NAMES = new Map([
  [';', 'semicolons'],
  ['\t', 'tabs'],
  ['|', 'vertical bars'],
]);

function delimiterNote(kind: 'csv' | 'tsv', delimiter: string): string[] {
  const name = kind === 'csv' ? DELIMITER_NAMES.get(delimiter) : undefined;
  return name === undefined ? [] : [`Columns are separated by ${name}.`];
}

/** Runs papaparse row by row and counts lines. With `quotes` false every quote is text. */
function readRows(text: string, delimiter: string, quotes: boolean): RawTable {
  const rows: RawRow[] = [];
  const found: QuoteError[] = [];
  let line = 1;
  let cursor = 0;
  Papa.parse<string[]>(text, {
    delimiter,
    newline: '\n',
    ...(quotes ? {} : { fastMode: true }),
    step: ({ data, errors, meta }) => {
      const breaks = countBreaks(text, cursor, meta.cursor);
      const endsWithBreak = meta.cursor > cursor && text[meta.cursor - 1] === '\n';
      const endLine = line + breaks - (endsWithBreak ? 1 : 0);
      for (const error of mergeErrors(errors)) {
        found.push({ line: line + countBreaks(text, cursor, error.index), endLine, unclosed: error.unclosed });
      }
      if (data.some((cell) => cell !== '')) rows.push({ line, endLine, cells: data });
      line += breaks;
      cursor = meta.cursor;
    },
  });
  return { rows, quotes: found };
}

/** papaparse reports each wrong quote; this keeps one error for each field. */
function mergeErrors(errors: readonly Papa.ParseError[]): { index: number; unclosed: boolean }[] {
  const byField = new Map<number, boolean>();
  for (const error of errors) {
    if (error.type !== 'Quotes') continue;
    const index = error.index ?? 0;
    byField.set(index, (byField.get(index) ?? false) || error.code === 'MissingQuotes');
  }
  return [...byField].map(([index, unclosed]) => ({ index, unclosed }));
}

function countBreaks(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** TSV files rarely quote fields: a wrong quote, or a "field" with both tabs and line breaks, shows that quotes are text. */
function quotesAreText(table: RawTable): boolean {
  return (
    table.quotes.length > 0 || table.rows.some((row) => row.cells.some((cell) => cell.includes('\n') && cell.includes('\t')))
  );
}

const HOW_TO_QUOTE = 'Close it, or write quotes inside a field as "".';

function refuseUnclosed(quotes: readonly QuoteError[]): void {
  const wrong = quotes.filter((error) => error.unclosed || error.endLine > error.line);
  const messages = wrong.slice(0, 20).map((error) => ({ where: `line ${error.line}`, message: unclosedMessage(error) }));
  const [first] = messages;
  if (first === undefined) return;
  const more = wrong.length > 1 ? ` ${wrong.length - 1} more fields have the same problem.` : '';
  throw new CodedError('data/parse', `${first.message}${more}`, messages);
}

function unclosedMessage({ line, endLine, unclosed }: QuoteError): string {
  if (unclosed) return `Line ${line} opens a quote that never closes, so the rest of the file can't be read. ${HOW_TO_QUOTE}`;
  return `Line ${line} opens a quote that does not close where the field ends; the field continues to line ${endLine}. ${HOW_TO_QUOTE}`;
}

function strayNote(quotes: readonly QuoteError[]): string[] {
  const [first] = quotes;
  if (first === undefined) return [];
  return [
    `${quotes.length} quoted fields contain quotes that are not doubled (the first is on line ${first.line}). They were kept.`,
  ];
}

function tableOf(raw: readonly RawRow[], notes: readonly string[]): ParsedTable {
  const [first] = raw;
  if (first === undefined) return { columns: [], rows: [], problems: [], notes, headerless: false };
  const named = isHeader(first.cells, raw.slice(1));
  const columns = named ? nameColumns(first.cells) : nameColumns(first.cells.map(() => ''));
  const { rows, problems } = fitToWidth(named ? raw.slice(1) : raw, columns.length);
  const note = named ? 'The first line has the column names.' : 'No line has column names.';
  return { columns, rows, problems, notes: [note, ...notes], headerless: !named };
}

/** Keeps the rows that have a field for every column; additional fields must be empty. */
function fitToWidth(raw: readonly RawRow[], width: number): { rows: Row[]; problems: RowProblem[] } {
  const rows: Row[] = [];
  const problems: RowProblem[] = [];
  for (const { line, cells } of raw) {
    const fits = cells.length >= width && cells.slice(width).every((cell) => cell.trim() === '');
    if (fits) rows.push({ line, cells: cells.slice(0, width) });
    else problems.push({ line, message: raggedMessage(cells.length, width) });
  }
  return { rows, problems };
}

function raggedMessage(found: number, width: number): string {
  const fields = (count: number) => (count === 1 ? '1 field' : `${count} fields`);
  const next = found > width ? 'Quote fields that contain the separator.' : 'Add the missing fields; they may be empty.';
  return `This row has ${fields(found)} where the table has ${fields(width)}. ${next}`;
}
