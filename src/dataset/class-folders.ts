/** Texts in a folder for each label, such as `Billing/1.txt`: each file is a row with its text and the name of its folder. */

import { readText } from './blob';
import { CodedError, messageOf } from '../core/errors';
import { readDocument } from './document';
import { extensionOf, foldersOf, isSplitFolder } from './file-names';
import { gunzip, isGzip } from './gzip';
import { lineReader } from './json';
import { readAll, type CountedFile, type Share } from './parse';
import type { Sizes } from './parts';
import { hashFile, openTextFile } from './text-file';
import type { DataFile, UnreadFile } from './types';

/** Kinds of files that are a text as a whole. Markdown and HTML are left to documentation, whose folders are chapters. */
const TEXTS = new Set(['', 'txt', 'text', 'docx', 'pdf']);

const LEAST_FILES = 4;
const MOST_LABELS = 200;
/** One file in so many may lie elsewhere: a list of addresses, a vocabulary. */
const STRAYS = 10;

/** A text is one row. */
const LARGEST_TEXT = 1 << 25;

/** How many files are read at a time. */
const TOGETHER = 32;

/** A text and the folder that is its label. */
export interface LabelledFile {
  readonly file: DataFile;
  readonly label: string;
}

/** Where the label is among the folders of a path: the innermost that is not named for a split, and how deep it lies. */
function labelOf(path: string): { readonly label: string; readonly depth: number } | null {
  const folders = foldersOf(path).filter((folder) => !isSplitFolder(folder));
  const label = folders.at(-1);
  return label === undefined ? null : { label, depth: folders.length };
}

/**
 * The files with their labels where nearly all are texts in folders of one depth, which are few and have some files each; null for other
 * files.
 */
export function classFolders(files: readonly DataFile[]): readonly LabelledFile[] | null {
  const texts = files.filter(({ path }) => TEXTS.has(extensionOf(path)));
  const placed = texts.flatMap((file) => {
    const place = labelOf(file.path);
    return place === null ? [] : [{ file, ...place }];
  });
  const depths = new Map<number, number>();
  for (const { depth } of placed) depths.set(depth, (depths.get(depth) ?? 0) + 1);
  const [usual] = [...depths].sort((a, b) => b[1] - a[1])[0] ?? [];
  const labelled = placed.filter(({ depth }) => depth === usual);
  const labels = new Set(labelled.map(({ label }) => label)).size;
  const repeat = labels >= 2 && labels <= MOST_LABELS && 2 * labels <= labelled.length;
  const most = (files.length - labelled.length) * STRAYS <= files.length;
  return repeat && most && labelled.length >= LEAST_FILES ? labelled : null;
}

/** The table of the files: row `i` is line `i`, of the file `used[i - 1]`. */
export interface ClassTable {
  readonly table: CountedFile;
  readonly used: readonly DataFile[];
  /** SHA-256 of each. */
  readonly hashes: readonly string[];
  readonly unread: readonly UnreadFile[];
}

export async function readClassFolders(files: readonly LabelledFile[], progress: Share, sizes: Sizes): Promise<ClassTable> {
  const lines: Blob[] = [];
  const [used, hashes, unread]: [DataFile[], string[], UnreadFile[]] = [[], [], []];
  for (let from = 0; from < files.length; from += TOGETHER) {
    const some = files.slice(from, from + TOGETHER);
    const rows = await Promise.all(some.map(rowOf));
    rows.forEach((row, index) => {
      const file = some[index]?.file;
      if (file === undefined) return;
      if (row instanceof CodedError) unread.push({ name: file.path, reason: row.message });
      else {
        used.push(file);
        hashes.push(row.hash);
        lines.push(new Blob([`${row.json}\n`]));
      }
    });
    progress(from / files.length);
  }
  const read = await readAll({ text: new Blob(lines), sizes }, lineReader(), () => undefined);
  const notes = ['Each file is an example; its folder is the label.'];
  return { table: { ...read, kind: 'txt', hash: '', notes }, used, hashes, unread };
}

async function rowOf({ file, label }: LabelledFile): Promise<{ readonly hash: string; readonly json: string } | CodedError> {
  try {
    const { text, hash } = await wholeText(file.file);
    if (text.trim() === '') throw new CodedError('data/empty', 'This file has no text.');
    return { hash, json: JSON.stringify({ text: text.trim(), label }) };
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw new CodedError('data/parse', `${file.path}: ${messageOf(error)}`);
  }
}

async function wholeText(packed: Blob): Promise<{ readonly text: string; readonly hash: string }> {
  const file = (await isGzip(packed)) ? await gunzip(packed) : packed;
  const found = await readDocument(file, () => undefined);
  if (found !== null) return { text: found.text, hash: await hashFile(packed, () => undefined) };
  const { text, hash } = await openTextFile(file, () => undefined);
  if (text.size > LARGEST_TEXT)
    throw new CodedError('data/parse', `This text has more than ${LARGEST_TEXT >> 20} MB, too much for a row.`);
  return { text: await readText(text), hash };
}
