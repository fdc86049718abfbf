/** Reads one file or several: those of one kind of table become one table, and the others are left out with a reason. */

import { CodedError } from '../core/errors';
import { sha256 } from '../core/hash';
import { withArchives } from './archive';
import { classFolders, readClassFolders, type LabelledFile } from './class-folders';
import { inOrder, isAbout, isHidden, nameOf, nameOfAll } from './file-names';
import { joinTables, type NamedTable } from './join';
import { withNestedColumns } from './nested';
import { originNotes, splitsOf, withOrigin } from './file-columns';
import { countFile, parseFile, type ParsedFile, type Share } from './parse';
import { SIZES, type Sizes } from './parts';
import { allRows, listOfRows, nameColumns } from './table';
import type { DataFile, FileKind, FileView, UnreadFile } from './types';

/** One table of all files that can be used together. */
export interface ParsedFiles extends ParsedFile {
  /** Of the file, or of the folder that all files are in, or how many they are. */
  readonly name: string;
  readonly bytes: number;
  readonly unread: readonly UnreadFile[];
}

/**
 * One file is read as `parseFile` does. The order of several is that of their paths. Throws the error of a single file that can't be read,
 * and data/parse when none of several can.
 */
export async function parseFiles(
  all: readonly DataFile[],
  progress: Share = () => undefined,
  sizes = SIZES,
): Promise<ParsedFiles> {
  const { files, unread } = sorted(await withArchives(all));
  const [only] = files;
  if (only === undefined) throw noneRead(unread);
  if (files.length === 1 && only.split === undefined) return { ...(await parseOne(only, progress, sizes)), unread };
  const read = await parseSeveral(files, progress, fitting(sizes, files));
  return { ...read, unread: [...read.unread, ...unread] };
}

async function parseOne({ path, file }: DataFile, progress: Share, sizes: Sizes): Promise<Omit<ParsedFiles, 'unread'>> {
  const parsed = await withNestedColumns(await parseFile(path, file, progress, sizes));
  return { ...parsed, name: nameOf(path), bytes: file.size };
}

/** The files in order, under names that differ, and those that are no data. */
function sorted(all: readonly DataFile[]): { readonly files: readonly DataFile[]; readonly unread: readonly UnreadFile[] } {
  const ordered = [...all].sort((a, b) => inOrder(a.path, b.path));
  const onlyAbout = ordered.every(({ path, refused }) => isAbout(path) || isHidden(path) || refused !== undefined);
  const unread = ordered.flatMap((file) => {
    const reason = whyNoData(file, onlyAbout);
    return reason === null ? [] : [{ name: file.path, reason }];
  });
  const files = ordered.filter((file) => whyNoData(file, onlyAbout) === null);
  const paths = nameColumns(files.map(({ path }) => path));
  return { files: files.map((file, index) => ({ ...file, path: paths[index] ?? file.path })), unread };
}

function whyNoData({ path, refused }: DataFile, onlyAbout: boolean): string | null {
  if (refused !== undefined) return refused;
  if (isHidden(path)) return 'It is a hidden file.';
  return isAbout(path) && !onlyAbout ? 'It tells about the data.' : null;
}

const sizeOf = (files: readonly DataFile[]): number => files.reduce((sum, { file }) => sum + file.size, 0);

/** Rows are kept in memory where those of all files together are few. */
const fitting = (sizes: Sizes, files: readonly DataFile[]): Sizes =>
  sizeOf(files) <= sizes.kept ? sizes : { ...sizes, kept: 0 };

/** What was read of several files: a table, and which of its lines are of which file. */
interface Gathered extends ParsedFile {
  readonly used: readonly Omit<FileView, 'split'>[];
  readonly unread: readonly UnreadFile[];
}

async function parseSeveral(files: readonly DataFile[], progress: Share, sizes: Sizes): Promise<ParsedFiles> {
  const labelled = classFolders(files);
  const { used, unread, ...table } =
    labelled === null ? await gatherTables(files, progress, sizes) : await gatherTexts(files, labelled, progress, sizes);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const kept = used.flatMap(({ name }) => byPath.get(name) ?? []);
  const [only] = kept;
  if (only !== undefined && kept.length === 1 && only.split === undefined) {
    return { ...(await withNestedColumns(table)), name: nameOf(only.path), bytes: only.file.size, unread };
  }
  const splits = splitsOf(kept);
  const views = used.map((one, index) => ({ ...one, split: splits[index] ?? null }));
  const chosen = new Set(kept.filter(({ split }) => split !== undefined).map(({ path }) => path));
  const { rows, ...joined } = withOrigin(await withNestedColumns(table), views, chosen);
  return {
    ...joined,
    rows: rows.inMemory ? listOfRows(await allRows(rows)) : rows,
    notes: [...originNotes(views), ...joined.notes],
    name: nameOfAll(used.map(({ name }) => name)),
    bytes: sizeOf(kept),
    unread,
  };
}

/** That of one file; of several, that of a line with hash and name for each, as `sha256sum` writes it. */
const hashOfAll = async (files: readonly { readonly name: string; readonly hash: string }[]): Promise<string> =>
  files.length === 1 ? (files[0]?.hash ?? '') : sha256(files.map(({ name, hash }) => `${hash}  ${name}\n`).join(''));

async function gatherTexts(
  files: readonly DataFile[],
  labelled: readonly LabelledFile[],
  progress: Share,
  sizes: Sizes,
): Promise<Gathered> {
  const { table, used, hashes, unread } = await readClassFolders(labelled, progress, sizes);
  if (used.length === 0) throw noneRead(unread);
  const taken = new Set(labelled.map(({ file }) => file));
  const strays = files.filter((file) => !taken.has(file));
  const { counts, lines: _lines, ...rest } = table;
  return {
    ...rest,
    hash: await hashOfAll(used.map(({ path }, index) => ({ name: path, hash: hashes[index] ?? '' }))),
    stats: counts.stats(table.columns),
    used: used.map(({ path, file }, index) => ({ name: path, kind: 'txt', bytes: file.size, rows: 1, linesBefore: index })),
    unread: [...unread, ...strays.map(({ path }) => ({ name: path, reason: 'It is not in a folder whose name is a label.' }))],
  };
}

async function gatherTables(files: readonly DataFile[], progress: Share, sizes: Sizes): Promise<Gathered> {
  const { tables, unread } = await readEach(files, progress, sizes);
  const { alike, others } = chooseAlike(tables);
  const [first] = alike;
  if (first === undefined) throw noneRead(unread);
  const { before, counts, ...joined } = joinTables(alike);
  return {
    ...joined,
    kind: first.kind,
    headerless: alike.every(({ headerless }) => headerless),
    stats: counts.stats(joined.columns),
    hash: await hashOfAll(alike),
    used: alike.map(({ name, kind, rows }, index) => ({
      ...{ name, kind, rows: rows.count, linesBefore: before[index] ?? 0 },
      bytes: files.find(({ path }) => path === name)?.file.size ?? 0,
    })),
    unread: [...unread, ...others],
  };
}

/** Reads one file after the other. A file with the content of an earlier one is left out. */
async function readEach(
  files: readonly DataFile[],
  progress: Share,
  sizes: Sizes,
): Promise<{ readonly tables: readonly NamedTable[]; readonly unread: readonly UnreadFile[] }> {
  const tables: NamedTable[] = [];
  const unread: UnreadFile[] = [];
  const total = Math.max(1, sizeOf(files));
  let done = 0;
  for (const { path, file } of files) {
    const before = done;
    done += file.size;
    try {
      const table = await countFile(path, file, (share) => progress((before + share * file.size) / total), sizes);
      const same = tables.find(({ hash }) => hash === table.hash);
      if (same === undefined) tables.push({ ...table, name: path });
      else unread.push({ name: path, reason: `It has the same content as ${same.name}.` });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      unread.push({ name: path, reason: error.message });
    }
  }
  return { tables, unread };
}

/** The tables that fit the one with the most rows: texts to texts, and tables that have half of their columns in common with it. */
function chooseAlike(tables: readonly NamedTable[]): {
  readonly alike: readonly NamedTable[];
  readonly others: readonly UnreadFile[];
} {
  const [main] = [...tables].sort((a, b) => b.rows.count - a.rows.count);
  const alike: NamedTable[] = [];
  const others: UnreadFile[] = [];
  for (const table of tables) {
    const named = main === undefined ? table : namedAs(table, main);
    const reason = main === undefined ? null : whyUnlike(named, main);
    if (reason === null) alike.push(named);
    else others.push({ name: table.name, reason });
  }
  return { alike, others };
}

/** A table without column names takes those of the main one, if it has as many. */
function namedAs(table: NamedTable, main: NamedTable): NamedTable {
  const takes = table.headerless && !main.headerless && table.columns.length === main.columns.length;
  const note = `It has no column names and as many columns as ${main.name}, whose names it takes.`;
  return takes ? { ...table, columns: main.columns, headerless: false, notes: [note] } : table;
}

function whyUnlike(table: NamedTable, main: NamedTable): string | null {
  if (isText(table) !== isText(main)) {
    return isText(table) ? 'It is a text, and the other files are tables.' : 'It is a table, and the other files are texts.';
  }
  const shared = table.columns.filter((name) => main.columns.includes(name)).length;
  if (2 * shared >= Math.min(table.columns.length, main.columns.length)) return null;
  return `It has other columns (${shortList(table.columns)}) than ${main.name} (${shortList(main.columns)}).`;
}

const TEXTS: ReadonlySet<FileKind> = new Set(['txt', 'md', 'html', 'docx', 'pdf']);

/** The paragraphs of a text or document, not the rows of a table. */
const isText = ({ kind, columns }: NamedTable): boolean => TEXTS.has(kind) && columns.length === 1 && columns[0] === 'text';

const shortList = (names: readonly string[]): string =>
  names.length > 5 ? `${names.slice(0, 5).join(', ')}, …` : names.join(', ');

function noneRead(unread: readonly UnreadFile[]): CodedError {
  const seen = unread.filter(({ name }) => !isHidden(name));
  const [first] = seen;
  if (first === undefined) return new CodedError('data/empty', 'There are only hidden files. Drop a file with examples.');
  if (unread.length === 1) return new CodedError('data/parse', first.reason);
  const problems = seen.slice(0, 20).map(({ name, reason }) => ({ where: name, message: reason }));
  const message = `None of the ${unread.length} files can be read. ${first.name}: ${first.reason}`;
  return new CodedError('data/parse', message, problems);
}
