/** Parses a file to a table: detects what kind of text it is, and reads it with the reader of that kind. */

import { CodedError } from '../core/errors';
import { archiveKind, openArchive } from './archive';
import { readBytes, readText } from './blob';
import { ColumnCounts, type ColumnStats } from './columns';
import { delimitedReader, QuotesAreText, sheetTable } from './csv';
import { readDocument } from './document';
import { gunzip, isGzip } from './gzip';
import { readHtml } from './html-page';
import { lineReader, valueReader } from './json';
import { readObject } from './json-object';
import { markdownReader } from './markdown';
import { documentReader, paragraphReader } from './paragraphs';
import { parquetLines } from './parquet';
import { FileRowList, readParts, SIZES, type PartRows, type Sizes } from './parts';
import { joinProblems, ProblemList, problemsOf } from './problems';
import type { RowReader } from './reader';
import { sniffKind } from './sniff';
import { listOfRows, MAX_COLUMNS, SAMPLE, type ParsedTable, type Row, type Table } from './table';
import { hashFile, openTextFile, type Progress } from './text-file';
import type { FileKind, TextKind } from './types';
import { readWorkbook } from './workbook';

/** A parsed file. */
export interface ParsedFile extends Table {
  /** SHA-256 of the file, hex. */
  readonly hash: string;
  readonly stats: readonly ColumnStats[];
}

/** A file as it was read, with what was counted meanwhile. */
export interface CountedFile extends Omit<ParsedFile, 'stats'> {
  readonly counts: ColumnCounts;
  /** The last line that has a row. */
  readonly lines: number;
}

/** Characters of the start by which the kind is told, and header, separator and quotes are found. */
const START = 1 << 20;
const END = 1000;

/**
 * Parses a file in pieces: memory does not grow with its size, except for small files, whose rows are kept. Bad rows become problems
 * of the table. `progress` is called with the share that was read, 0 to 1. Throws data/empty, data/binary, data/parse,
 * data/columns, data/no-examples.
 */
export async function parseFile(name: string, file: Blob, progress: Share = () => undefined, sizes = SIZES): Promise<ParsedFile> {
  const { counts, lines: _lines, ...table } = await countFile(name, file, progress, sizes);
  return { ...table, stats: counts.stats(table.columns) };
}

/** `parseFile` for a file that is joined with others. */
export async function countFile(name: string, file: Blob, progress: Share, sizes: Sizes): Promise<CountedFile> {
  const read = await readPacked(name, file, progress, sizes);
  refuseUnusable(read);
  return read;
}

/** The share of a file that was read, 0 to 1. */
export type Share = (share: number) => void;

/** The hash is that of the file, packed or not. */
async function readPacked(name: string, file: Blob, progress: Share, sizes: Sizes): Promise<CountedFile> {
  if (!(await isGzip(file))) return readPlain(name, file, progress, sizes);
  const hash = await hashFile(file, (done) => progress((0.3 * done) / file.size));
  const plain = await gunzip(file);
  const read = await readPlain(withoutGzip(name), plain, (share) => progress(0.3 + 0.7 * share), sizes);
  return { ...read, hash, notes: ['The file was unpacked (gzip).', ...read.notes] };
}

const withoutGzip = (name: string): string => name.replace(/\.gz(ip)?$/i, '');

async function readPlain(name: string, file: Blob, progress: Share, sizes: Sizes): Promise<CountedFile> {
  return (
    (await readBinary(file, progress, sizes)) ??
    (await readPaged(file, progress, sizes)) ??
    (await readTable(name, file, progress, sizes))
  );
}

/** Tables that are no text, by their first bytes; null for other files. */
async function readBinary(file: Blob, progress: Share, sizes: Sizes): Promise<CountedFile | null> {
  const start = String.fromCharCode(...(await readBytes(file.slice(0, 4))));
  const archive = start === 'PK\x03\x04' ? archiveKind(await openArchive(file)) : null;
  if (archive === 'folder') throw new CodedError('data/binary', 'This is a zip archive. Unpack it first.');
  if (archive === 'docx' || (start !== 'PAR1' && archive === null)) return null;
  const hash = await hashFile(file, (done) => progress(done / file.size));
  if (archive === 'xlsx') return { ...inMemory(await readWorkbook(file)), kind: 'xlsx', hash };
  const text = await parquetLines(file);
  return { ...(await readAll({ text, sizes }, lineReader(), () => undefined)), kind: 'parquet', hash };
}

/** Documents with pages; null for other files. */
async function readPaged(file: Blob, progress: Share, sizes: Sizes): Promise<CountedFile | null> {
  const found = await readDocument(file, progress);
  if (found === null) return null;
  const read = await readAll({ text: new Blob([found.text]), sizes }, documentReader(), () => undefined);
  return { ...read, kind: found.kind, notes: [...read.notes, ...found.notes], hash: await hashFile(file, () => undefined) };
}

async function readTable(name: string, file: Blob, progress: Share, sizes: Sizes): Promise<CountedFile> {
  // Both readings of the file take about the same time.
  const surveyed: Progress = (done) => progress((0.5 * done) / file.size);
  const { text, notes, hash } = await openTextFile(file, surveyed);
  const head = await readText(text.slice(0, START));
  const start = text.size > START ? head.slice(0, head.lastIndexOf('\n') + 1 || head.length - 1) : head;
  const end = await readText(text.slice(-END));
  const source = { text, start, end, last: start.length >= head.length, sizes };
  const kind = sniffKind(name, start);
  const table =
    kind === 'html' ? await htmlTable(source) : await tableOf(kind, source, (done) => progress(0.5 + (0.5 * done) / text.size));
  return { ...table, kind, notes: [...notes, ...table.notes], hash };
}

/** A page is read as a whole. */
const LARGEST_PAGE = 1 << 26;

async function htmlTable({ text, sizes }: Source): Promise<Read> {
  if (text.size > LARGEST_PAGE) {
    const found = `This page has ${text.size >> 20} MB, and at most ${LARGEST_PAGE >> 20} MB can be read`;
    throw new CodedError('data/parse', `${found}. Save its text as a .txt file.`);
  }
  const page = readHtml(await readText(text));
  if (page.table !== null) return inMemory(sheetTable(page.table.map((cells, index) => ({ line: index + 1, cells }))));
  return readAll({ text: new Blob([page.text]), sizes }, documentReader(), () => undefined);
}

/** A text, its beginning, and whether that is all of it. */
interface Source {
  readonly text: Blob;
  readonly start: string;
  /** Its last characters. */
  readonly end: string;
  readonly last: boolean;
  readonly sizes: Sizes;
}

export type Read = Omit<CountedFile, 'kind' | 'hash'>;

async function tableOf(kind: TextKind, source: Source, progress: Progress): Promise<Read> {
  if (kind === 'json' && isObject(source)) return inMemory(await readObject(source.text));
  try {
    return await readAll(source, readerOf(kind, source), progress);
  } catch (error) {
    if (!(error instanceof QuotesAreText)) throw error;
    return readAll(source, delimitedReader(source.start, source.last, 'tsv', false), progress);
  }
}

function inMemory({ rows, problems, ...table }: ParsedTable): Read {
  const counts = new ColumnCounts();
  for (const row of rows) counts.add(row);
  const list = { rows: listOfRows(rows), sample: rows.slice(0, SAMPLE) };
  return { ...table, ...list, problems: problemsOf(problems), counts, lines: lastLine(rows, problems) };
}

type Lined = readonly { readonly line: number }[];

const lastLine = (...lists: readonly Lined[]): number => Math.max(0, ...lists.map((list) => list.at(-1)?.line ?? 0));

/** The file is one object, not several one after the other. */
function isObject({ start }: Source): boolean {
  return start.trimStart().startsWith('{') && !/^\}\s*,?\s*\{/m.test(start.trimStart());
}

const READERS: Readonly<Record<TextKind, (source: Source) => RowReader>> = {
  csv: ({ start, last }) => delimitedReader(start, last, 'csv'),
  tsv: ({ start, last }) => delimitedReader(start, last, 'tsv'),
  jsonl: lineReader,
  json: ({ start, end }) => valueReader(start, end),
  txt: ({ start }) => paragraphReader(start),
  md: ({ start }) => markdownReader(start),
};

const readerOf = (kind: TextKind, source: Source): RowReader => READERS[kind](source);

/** Reads every part once, and keeps the rows of a small file. */
export async function readAll(
  { text, sizes }: Pick<Source, 'text' | 'sizes'>,
  reader: RowReader,
  progress: Progress,
): Promise<Read> {
  const kept: Row[] | null = text.size <= sizes.kept ? [] : null;
  const sample: Row[] = [];
  const counts = new ColumnCounts();
  const parts: Omit<PartRows, 'rows' | 'problems'>[] = [];
  const problems = new ProblemList();
  let [count, lines] = [0, 0];
  for await (const { rows, problems: found, ...part } of readParts(text, reader, sizes.part)) {
    if (reader.columns.length > MAX_COLUMNS) break;
    parts.push(part);
    count += rows.length;
    lines = Math.max(lines, lastLine(rows, found));
    for (const problem of found) problems.add(problem);
    for (const row of rows) {
      counts.add(row);
      kept?.push(row);
    }
    if (sample.length < SAMPLE) sample.push(...rows.slice(0, SAMPLE - sample.length));
    progress(part.to);
  }
  const list = kept === null ? new FileRowList(text, reader, parts, count) : listOfRows(kept);
  const { columns, headerless } = reader;
  const joined = joinProblems([problems]);
  return { columns, headerless, rows: list, sample, counts, lines, problems: joined, notes: reader.notes() };
}

/** What a file without rows has, where that is not a line of column names. */
const EMPTY: Readonly<Partial<Record<FileKind, string>>> = {
  ...{ json: 'an empty list', jsonl: 'an empty list' },
  ...{ txt: 'no text', md: 'no text', html: 'no text', docx: 'no text', pdf: 'no text' },
};

function refuseUnusable({ columns, rows, problems, kind }: CountedFile): void {
  if (columns.length > MAX_COLUMNS) {
    const found = `This file has more than ${MAX_COLUMNS} different columns, which is the most that can be mapped.`;
    throw new CodedError('data/columns', `${found} Keep only the columns with the examples.`);
  }
  if (rows.count > 0) return;
  const listed = problems.first.slice(0, 20).map((p) => ({ where: `line ${p.line}`, message: p.message }));
  const [first] = problems.first;
  if (first === undefined) {
    throw new CodedError(
      'data/no-examples',
      `This file has ${EMPTY[kind] ?? 'column names but no rows'}. Add at least one example.`,
    );
  }
  const message = `None of the ${problems.count} rows can be read. Line ${first.line}: ${first.message}`;
  throw new CodedError('data/parse', message, listed);
}
