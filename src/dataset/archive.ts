/** Zip archives: a folder of files, a workbook or a document. Sizes are checked before anything is unpacked. */

import { CodedError, messageOf } from '../core/errors';
import type { ZippedFile } from '../formats/zip-read';
import { readBytes } from './blob';
import type { DataFile } from './types';

/** What all files of an archive have together at most, unpacked, and how many there are. */
const MOST_BYTES = 2 ** 31;
const MOST_FILES = 200_000;

/** What a zip archive is, by the files in it. */
export type ArchiveKind = 'xlsx' | 'docx' | 'folder';

/** Documents that are zip archives and are not read: a file in them, and what they are. */
const OTHERS: readonly (readonly [file: RegExp, what: string])[] = [
  [/^ppt\/presentation\.xml$/, 'a PowerPoint presentation. Save it as PDF or text'],
  [/^META-INF\/(manifest|container)\.xml$/, 'an OpenDocument file or an e-book. Save it as DOCX, XLSX or text'],
  [/^Index\/Document\.iwa$/, 'a Pages, Numbers or Keynote document. Export it as DOCX or CSV'],
];

export async function isZip(file: Blob): Promise<boolean> {
  const start = await readBytes(file.slice(0, 4));
  return String.fromCharCode(...start) === 'PK\x03\x04';
}

/** The files of an archive, not unpacked yet. Throws data/binary for a damaged one, data/parse for one that is too large. */
export async function openArchive(file: Blob): Promise<readonly ZippedFile[]> {
  const { openZip } = await import('../formats/zip-read');
  const files = await openZip(file, 'The file').catch((error: unknown) => {
    if (!(error instanceof CodedError)) throw error;
    throw new CodedError(
      'data/binary',
      'This is a damaged zip archive, Excel workbook or Word document. Download it or save it again.',
      [{ where: 'zip', message: messageOf(error) }],
    );
  });
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes > MOST_BYTES || files.length > MOST_FILES) {
    const found = `This archive has ${files.length.toLocaleString('en')} files with ${(bytes / 2 ** 30).toFixed(1)} GB`;
    throw new CodedError('data/parse', `${found}, too much to unpack here. Unpack it, and drop a part of it.`);
  }
  return files;
}

/** Throws data/binary for documents that can't be read. */
export function archiveKind(files: readonly ZippedFile[]): ArchiveKind {
  const has = (name: RegExp) => files.some((file) => name.test(file.name));
  if (has(/^xl\/workbook\.(xml|bin)$/)) return 'xlsx';
  if (has(/^word\/document\d*\.xml$/)) return 'docx';
  const other = OTHERS.find(([file]) => has(file));
  if (other !== undefined) throw new CodedError('data/binary', `This is ${other[1]}.`);
  return 'folder';
}

/** A zip archive that is no workbook or document in place of itself: its files, under its name. One that can't be opened stays. */
export async function withArchives(files: readonly DataFile[]): Promise<readonly DataFile[]> {
  const opened: DataFile[] = [];
  for (const file of files) {
    if (file.refused === undefined && (await isZip(file.file))) opened.push(...(await filesOf(file)));
    else opened.push(file);
  }
  return opened;
}

async function filesOf(file: DataFile): Promise<readonly DataFile[]> {
  const folder = file.path.replace(/\.zip$/i, '');
  try {
    const entries = await openArchive(file.file);
    if (archiveKind(entries) !== 'folder') return [file];
    const files: DataFile[] = [];
    for (const entry of entries) files.push(await unpacked(entry, folder, file));
    return files;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return [{ ...file, refused: error.message }];
  }
}

async function unpacked(entry: ZippedFile, folder: string, { split }: DataFile): Promise<DataFile> {
  const named = { path: `${folder}/${entry.name.replaceAll('\\', '/')}`, ...(split && { split }) };
  try {
    return { ...named, file: await entry.unpack() };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { ...named, file: new Blob(), refused: error.message };
  }
}
