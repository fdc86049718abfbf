/** Reads CSV and TSV with papaparse. Adds line numbers to rows and errors, and detects separator, header, title and quotes. */

import Papa from 'papaparse';
import { CodedError } from '../core/errors';
import { isHeader } from './header';
import { afterLines, countLines, withLineFeeds, type ReadPart, type RowReader } from './reader';
import { nameColumns, type ParsedTable, type Row } from './table';
import type { RowProblem } from './types';

interface RawRow extends Row {
  readonly cells: readonly string[];
}

/** A field with wrong quotes: its first line, and the last line of its row. */
interface QuoteError {
  readonly row: number;
  readonly line: number;
  readonly endLine: number;
  /** The field runs to the end of the text. */
  readonly unclosed: boolean;
}

interface RawTable {
  /** Rows with a cell that is not empty, and those of separators only. Blank lines are left out. */
  readonly rows: readonly RawRow[];
  readonly quotes: readonly QuoteError[];
  /** Lines before the row that is not whole, if there is one. */
  readonly lines: number;
}

/** How a file is written. */
interface Dialect {
  readonly kind: 'csv' | 'tsv';
  readonly delimiter: string;
  /** A quote encloses a field; else it is part of the text. */
  readonly quotes: boolean;
}

/** Throws this where quotes of a TSV file turn out to be text. */
export class QuotesAreText extends Error {}

/** A reader for a file that begins with `start`, which is all of it if `last`. With `quotes` false, every quote is text. */
export function delimitedReader(start: string, last: boolean, kind: 'csv' | 'tsv', quotes = true): RowReader {
  const text = withLineFeeds(start);
  const named = SEPARATOR_LINE.exec(text);
  const before = named === null ? 0 : 1;
  const body = text.slice(named?.[0].length ?? 0);
  const delimiter = named?.[1] ?? (kind === 'tsv' ? '\t' : guessDelimiter(body));
  const dialect = { kind, delimiter, quotes };
  const raw = readRows(body, 1, dialect, last);
  if (kind === 'tsv' && quotes && quotesAreText(raw)) throw new QuotesAreText();
  const { rows } = raw;
  const title = titleRows(rows);
  const [first, ...rest] = rows.slice(title);
  const isNamed = first !== undefined && isHeader(first.cells, rest);
  const skipped = isNamed ? rest[0] : first;
  // Blank lines between the header and the first row are skipped with it.
  const lines = skipped === undefined ? countLines(body) + 1 : skipped.line - 1;
  const columns = nameColumns(first === undefined ? [] : isNamed ? first.cells : first.cells.map(() => ''));
  const notes = [...layoutNotes(isNamed, title), ...delimiterNote(dialect)];
  return new DelimitedReader(dialect, columns, !isNamed, afterLines(start, before + lines), notes);
}

/** Excel writes `sep=;` as the first line. */
const SEPARATOR_LINE = /^"?sep=(.)"?\n/i;

/** Rows before the table that are less wide than it: the title of a spreadsheet. */
function titleRows(rows: readonly RawRow[]): number {
  const sample = rows.slice(0, 50);
  const widths = new Map<number, number>();
  for (const { cells } of sample) widths.set(cells.length, (widths.get(cells.length) ?? 0) + 1);
  const [usual = 1] = [...widths].sort((a, b) => b[1] - a[1])[0] ?? [];
  const start = sample.findIndex(({ cells }) => filledCells(cells) > 1 && cells.length === usual);
  const isTitle = (row: RawRow): boolean => filledCells(row.cells) <= 1;
  return usual > 1 && start > 0 && start <= 10 && sample.slice(0, start).every(isTitle) && sample.length > start + 1 ? start : 0;
}

const filledCells = (cells: readonly string[]): number => cells.filter((cell) => cell.trim() !== '').length;

function guessDelimiter(text: string): string {
  const guess = Papa.parse(text.slice(0, 1 << 16), {
    preview: 50,
    delimitersToGuess: [',', ';', '\t', '|'],
    newline: '\n',
    skipEmptyLines: true,
  });
  return guess.meta.delimiter;
}

const DELIMITER_NAMES = new Map([
  [';', 'semicolons'],
  ['\t', 'tabs'],
  ['|', 'vertical bars'],
]);

function delimiterNote({ kind, delimiter, quotes }: Dialect): string[] {
  const name = kind === 'csv' ? DELIMITER_NAMES.get(delimiter) : undefined;
  const separated = name === undefined ? [] : [`Columns are separated by ${name}.`];
  const text = 'Quotes in this file are part of the text, because they do not enclose fields. They were kept.';
  return quotes ? separated : [...separated, text];
}

/** A table of the rows of a sheet: with its title and its header found as in a CSV. */
export function sheetTable(rows: readonly RawRow[]): ParsedTable {
  const filled = rows.filter(({ cells }) => cells.some((cell) => cell !== ''));
  const title = titleRows(filled);
  const [first, ...rest] = filled.slice(title);
  const isNamed = first !== undefined && isHeader(first.cells, rest);
  const columns = nameColumns(first === undefined ? [] : isNamed ? first.cells : first.cells.map(() => ''));
  const start = isNamed ? first.line : (first?.line ?? 1) - 1;
  const body = rows.filter(({ line }) => line > start);
  return { columns, ...fitToWidth(body, columns.length), notes: layoutNotes(isNamed, title), headerless: !isNamed };
}

function layoutNotes(isNamed: boolean, title: number): string[] {
  const named = isNamed ? 'The first line has the column names.' : 'No line has column names.';
  return title === 0
    ? [named]
    : [named, `A title of ${title === 1 ? 'one line' : `${title} lines`} above the table was left out.`];
}

class DelimitedReader implements RowReader {
  readonly #dialect: Dialect;
  readonly #notes: readonly string[];
  readonly columns: readonly string[];
  readonly headerless: boolean;
  readonly skip: number;
  /** Lines with quotes inside quoted fields that are not doubled: a set, because parts may be read again. */
  readonly #stray = new Set<number>();

  constructor(dialect: Dialect, columns: readonly string[], headerless: boolean, skip: number, notes: readonly string[]) {
    this.#dialect = dialect;
    this.columns = columns;
    this.headerless = headerless;
    this.skip = skip;
    this.#notes = notes;
  }

  read(part: string, line: number, last: boolean): ReadPart {
    const text = withLineFeeds(part);
    const raw = readRows(text, line, this.#dialect, last);
    if (this.#dialect.kind === 'tsv' && this.#dialect.quotes && quotesAreText(raw)) throw new QuotesAreText();
    refuseUnclosed(raw.quotes);
    for (const quote of raw.quotes) this.#stray.add(quote.line);
    return { ...fitToWidth(raw.rows, this.columns.length), rest: part.length - afterLines(part, raw.lines) };
  }

  notes(): readonly string[] {
    const [first] = this.#stray;
    if (first === undefined) return this.#notes;
    const found = `${this.#stray.size} quoted fields contain quotes that are not doubled (the first is on line ${first}).`;
    return [...this.#notes, `${found} They were kept.`];
  }
}

/** Parses text with `\n` line ends, of which the first is line `line`. A row that is not whole is left out unless `last`. */
function readRows(text: string, line: number, { delimiter, quotes }: Dialect, last: boolean): RawTable {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter, newline: '\n', ...(quotes ? {} : { fastMode: true }) });
  const quoted = quotes && text.includes('"');
  const errorsOf = quoteErrors(text, errors, line);
  const rows: RawRow[] = [];
  const found: QuoteError[] = [];
  let at = line;
  for (const [index, cells] of data.entries()) {
    const endLine = quoted ? at + breaksIn(cells) : at;
    const wrong = errorsOf(index).map((error) => ({ ...error, endLine }));
    const isWhole = last || (index < data.length - 1 && !wrong.some((error) => error.unclosed));
    if (!isWhole) return { rows, quotes: found, lines: at - line };
    found.push(...wrong);
    if (cells.length > 1 || (cells[0] ?? '') !== '') rows.push({ line: at, cells });
    at = endLine + 1;
  }
  return { rows, quotes: found, lines: last ? countLines(text) + 1 : at - line };
}

const breaksIn = (cells: readonly string[]): number =>
  cells.reduce((sum, cell) => sum + (cell.includes('\n') ? countLines(cell) : 0), 0);

/** The errors of each row. papaparse reports each wrong quote; this keeps one error for each field. */
function quoteErrors(
  text: string,
  errors: readonly Papa.ParseError[],
  line: number,
): (row: number) => Omit<QuoteError, 'endLine'>[] {
  const byField = new Map<number, Omit<QuoteError, 'endLine'>>();
  for (const error of errors) {
    if (error.type !== 'Quotes') continue;
    const index = error.index ?? 0;
    const unclosed = error.code === 'MissingQuotes' || byField.get(index)?.unclosed === true;
    byField.set(index, { row: error.row ?? 0, line: line + countLines(text, 0, index), unclosed });
  }
  const all = [...byField.values()];
  return (row) => all.filter((error) => error.row === row);
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

/** Keeps the rows that have a field for every column; additional fields must be empty. */
function fitToWidth(raw: readonly RawRow[], width: number): { rows: Row[]; problems: RowProblem[] } {
  const rows: Row[] = [];
  const problems: RowProblem[] = [];
  for (const { line, cells } of raw) {
    const fits = cells.length >= width && cells.slice(width).every((cell) => cell.trim() === '');
    if (!fits) problems.push({ line, message: raggedMessage(cells.length, width) });
    else if (filledCells(cells) === 0) problems.push({ line, message: 'All cells of this row are empty.' });
    else rows.push({ line, cells: cells.length === width ? cells : cells.slice(0, width) });
  }
  return { rows, problems };
}

function raggedMessage(found: number, width: number): string {
  const fields = (count: number) => (count === 1 ? '1 field' : `${count} fields`);
  const next = found > width ? 'Quote fields that contain the separator.' : 'Add the missing fields; they may be empty.';
  return `This row has ${fields(found)} where the table has ${fields(width)}. ${next}`;
}
