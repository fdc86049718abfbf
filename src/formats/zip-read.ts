/** Reads zip archives by zip.js: stored and deflated files, also with 64-bit sizes. Nothing but the directory is read when one is opened. */

import {
  BlobReader,
  BlobWriter,
  configure,
  ERR_BAD_FORMAT,
  ERR_ENCRYPTED,
  ERR_EOCDR_NOT_FOUND,
  ERR_INVALID_CRC32,
  ERR_INVALID_UNCOMPRESSED_SIZE,
  ERR_UNSUPPORTED_COMPRESSION,
  ZipReader,
  type FileEntry,
} from '@zip.js/zip.js/index-native.js';
import { CodedError, messageOf } from '../core/errors';

// Archives are read in workers already.
configure({ useWebWorkers: false });

/** The usual problems in our words; others are said by zip.js. */
const PROBLEMS: Readonly<Record<string, string>> = {
  [ERR_BAD_FORMAT]: 'it has no directory at its end',
  [ERR_ENCRYPTED]: 'it is locked with a password',
  [ERR_EOCDR_NOT_FOUND]: 'it has no directory at its end',
  [ERR_INVALID_CRC32]: 'its content is damaged',
  [ERR_INVALID_UNCOMPRESSED_SIZE]: 'it does not have the size that the archive says',
  [ERR_UNSUPPORTED_COMPRESSION]: 'it is packed by a method that is not supported',
};

/** A file of an archive, which is not unpacked yet. */
export interface ZippedFile {
  /** With its folders. */
  readonly name: string;
  /** Its size as the directory says: `unpack` gives a file of that size. */
  readonly size: number;
  /** Throws `model/files` for what can't be unpacked, and for a size or checksum that is not that of the directory. */
  unpack(): Promise<File>;
}

/** What is in an archive. Throws `model/files` for anything else. */
export async function openZip(zip: Blob, name: string): Promise<readonly ZippedFile[]> {
  // Names lead nowhere: nothing is written to a disk.
  const reader = new ZipReader(new BlobReader(zip), { filenameValidation: 'tolerant' });
  const entries = await reader.getEntries().catch((error: unknown) => {
    throw damaged(name, null, error);
  });
  return entries
    .filter((entry) => !entry.directory)
    .map((entry) => ({ name: entry.filename, size: entry.uncompressedSize, unpack: () => unpack(entry, name) }));
}

/** The files of an archive, named with their folders. Throws `model/files` for anything else, and for what can't be unpacked. */
export async function readZip(zip: Blob, name: string): Promise<readonly File[]> {
  return Promise.all((await openZip(zip, name)).map((file) => file.unpack()));
}

async function unpack(entry: FileEntry, archive: string): Promise<File> {
  try {
    const content = await entry.getData(new BlobWriter(), { checkCrc32: true });
    return new File([content], entry.filename);
  } catch (error) {
    throw damaged(archive, entry.filename, error);
  }
}

function damaged(archive: string, file: string | null, error: unknown): CodedError {
  const problem = `${file === null ? '' : `${file}: `}${PROBLEMS[messageOf(error)] ?? messageOf(error)}`;
  return new CodedError(
    'model/files',
    `${archive} is not a zip archive that can be read (${problem}). Unpack it, and take the folder.`,
    [{ where: archive, message: problem }],
  );
}
