/** Decodes the bytes of a file to text: detects the encoding, and refuses files that are empty or not text. */

import { CodedError } from '../core/errors';

/** Largest file that is read, in bytes. The text of a larger one would come close to the longest string of JavaScript engines. */
export const MAX_BYTES = 256 * 1024 * 1024;

const SAVE_AS_CSV = 'Open it in the program that made it and save it as CSV.';

/** First bytes of files that are not text, what they are, and what to do. */
const SIGNATURES: readonly (readonly [start: string, what: string, next: string])[] = [
  ['PK\x03\x04', 'a zip archive or an Excel workbook', SAVE_AS_CSV],
  ['\xd0\xcf\x11\xe0', 'an old Excel or Word file', SAVE_AS_CSV],
  [
    'PAR1',
    'a Parquet file',
    'Convert it to JSONL, for example with pandas: df.to_json("data.jsonl", orient="records", lines=True).',
  ],
  ['ARROW1', 'an Arrow file', 'Convert it to JSONL first.'],
  ['SQLite format 3', 'an SQLite database', 'Export the table as CSV.'],
  ['\x1f\x8b', 'a gzip archive', 'Unpack it first.'],
  ['%PDF', 'a PDF', 'Copy its text into a .txt file.'],
  ['\x89PNG', 'a PNG image', 'Drop a CSV, JSONL, JSON or text file instead.'],
  ['\xff\xd8\xff', 'a JPEG image', 'Drop a CSV, JSONL, JSON or text file instead.'],
  ['GGUF', 'a GGUF model', 'Choose models in the Model stage. Drop a CSV, JSONL, JSON or text file here.'],
];

/** The text of a file without its byte order mark, and notes on the encoding. Throws data/empty, data/binary, data/parse. */
export function decodeText(bytes: Uint8Array): { readonly text: string; readonly notes: readonly string[] } {
  if (bytes.length > MAX_BYTES) throw tooLarge(bytes.length);
  refuseSignature(bytes);
  const decoded = decodeMarked(bytes) ?? decodePlain(bytes);
  if (decoded.text.trim() === '') throw new CodedError('data/empty', emptyMessage(bytes.length));
  return decoded;
}

/** The error for a file of `size` bytes, more than `MAX_BYTES`. */
export function tooLarge(size: number): CodedError {
  const megabytes = Math.round(size / 1048576);
  const most = MAX_BYTES / 1048576;
  return new CodedError(
    'data/parse',
    `This file has ${megabytes} MB; the largest that can be read has ${most} MB. Split it and drop one part.`,
  );
}

function emptyMessage(size: number): string {
  const found = size === 0 ? 'This file is empty (0 bytes)' : 'This file contains only white space';
  return `${found}. Drop a CSV, JSONL, JSON or text file with at least one example.`;
}

function refuseSignature(bytes: Uint8Array): void {
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  const found = SIGNATURES.find(([signature]) => start.startsWith(signature));
  if (found !== undefined) throw binary(`This is ${found[1]}, not text. ${found[2]}`);
}

const binary = (message: string) => new CodedError('data/binary', message);

/** Decodes UTF-16 as its byte order mark says; null when there is none. */
function decodeMarked(bytes: Uint8Array): { text: string; notes: string[] } | null {
  const little = bytes[0] === 0xff && bytes[1] === 0xfe;
  const big = bytes[0] === 0xfe && bytes[1] === 0xff;
  if (!little && !big) return null;
  const text = new TextDecoder(little ? 'utf-16le' : 'utf-16be').decode(bytes);
  return { text: checkText(text), notes: ['The file is in UTF-16.'] };
}

function decodePlain(bytes: Uint8Array): { text: string; notes: string[] } {
  const utf8 = tryUtf8(bytes);
  if (utf8 !== null) return { text: checkText(utf8), notes: [] };
  const text = checkText(new TextDecoder('windows-1252').decode(bytes));
  return { text, notes: ['The file is not valid UTF-8, so it was read as Windows-1252. Check that accented letters are right.'] };
}

function tryUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Throws data/binary when the text has a null character, or more than a few other control characters. */
function checkText(text: string): string {
  const start = text.slice(0, 65536);
  const controls = start.match(CONTROLS)?.length ?? 0;
  if (!text.includes('\0') && controls <= Math.max(4, start.length / 20)) return text;
  throw binary('This file contains bytes that are not text. Drop a CSV, JSONL, JSON or text file, saved as UTF-8.');
}

/** Control characters other than white space. */
const CONTROLS = /[^\P{Cc}\s]/gu;
