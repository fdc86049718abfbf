/** Cuts a text file into parts of whole rows, and reads the rows of each part. */

import { CodedError } from '../core/errors';
import { readBytes, readText } from './blob';
import { countLines, type ReadPart, type RowReader } from './reader';
import type { Row, RowList } from './table';

/** How a file is read, in bytes. */
export interface Sizes {
  /** What is read at once. */
  readonly part: number;
  /** Rows of texts up to this size are kept in memory, where they take some times as much. */
  readonly kept: number;
}

export const SIZES: Sizes = { part: 1 << 20, kept: 1 << 25 };

/** Bytes that a single row may have. */
const LONGEST_ROW = 1 << 26;

/** Where the rows of a part are. */
interface Part {
  readonly from: number;
  readonly to: number;
  /** Its first line in the file. */
  readonly line: number;
}

/** A part with its rows. */
export interface PartRows extends Part, Pick<ReadPart, 'rows' | 'problems'> {}

/** Reads all parts of a text once. Throws data/parse for a row that is too long. */
export async function* readParts(text: Blob, reader: RowReader, size = SIZES.part): AsyncIterable<PartRows> {
  let { from, line } = await startOf(text, reader.skip);
  let most = size;
  while (from < text.size) {
    const { bytes, last } = await bytesAt(text, from, most);
    const part = new TextDecoder().decode(bytes);
    const { rows, problems, rest } = reader.read(part, line, last);
    const whole = part.length - rest;
    const to = from + bytes.length - byteLength(part.slice(whole));
    if (to > from) {
      yield { from, to, line, rows, problems };
      line += countLines(part, 0, whole);
      [from, most] = [to, size];
    } else {
      if (most >= LONGEST_ROW) throw tooLong(line);
      most *= 4;
    }
  }
}

function tooLong(line: number): CodedError {
  const megabytes = LONGEST_ROW >> 20;
  const message = `The row that begins on line ${line} has more than ${megabytes} MB. Check the quotes or brackets there: one may be missing.`;
  return new CodedError('data/parse', message, [{ where: `line ${line}`, message }]);
}

/** Rows that are read from the file whenever they are needed. */
export class FileRowList implements RowList {
  readonly count: number;
  readonly inMemory = false;
  readonly direct = true;
  readonly #text: Blob;
  readonly #reader: RowReader;
  readonly #parts: readonly Part[];

  constructor(text: Blob, reader: RowReader, parts: readonly Part[], count: number) {
    this.#text = text;
    this.#reader = reader;
    this.#parts = parts;
    this.count = count;
  }

  async *read(first = 0): AsyncIterable<readonly Row[]> {
    for (const { from, to, line } of this.#parts.slice(first)) {
      const part = await readText(this.#text.slice(from, to));
      // Each part has whole rows, so it is read like the last one.
      yield this.#reader.read(part, line, true).rows;
    }
  }
}

/** Bytes from `from` on, at least to the end of a line or of a character, and whether they are the last. */
async function bytesAt(text: Blob, from: number, size: number): Promise<{ readonly bytes: Uint8Array; readonly last: boolean }> {
  const bytes = await readBytes(text.slice(from, from + size));
  if (from + bytes.length >= text.size) return { bytes, last: true };
  const line = bytes.lastIndexOf(LINE_FEED) + 1;
  return { bytes: bytes.subarray(0, line > 0 ? line : characterEnd(bytes)), last: false };
}

const LINE_FEED = 10;

/** The end of the last whole UTF-8 character. */
function characterEnd(bytes: Uint8Array): number {
  let start = bytes.length - 1;
  while (start > 0 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--;
  return start;
}

async function startOf(text: Blob, skip: number): Promise<{ readonly from: number; readonly line: number }> {
  if (skip === 0) return { from: 0, line: 1 };
  // A character has at most 3 bytes for each UTF-16 unit.
  const head = (await readText(text.slice(0, 3 * skip))).slice(0, skip);
  return { from: byteLength(head), line: 1 + countLines(head) };
}

const byteLength = (text: string): number => (text === '' ? 0 : new TextEncoder().encode(text).length);
