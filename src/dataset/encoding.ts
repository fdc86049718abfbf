/** What the first bytes of a file tell: its encoding, or that it is not text. */

import { CodedError } from '../core/errors';

export interface Encoding {
  /** For a `TextDecoder`. */
  readonly label: string;
  /** Bytes of the byte order mark. */
  readonly mark: number;
  /** The encoding is known for sure. */
  readonly marked: boolean;
  /** Lines end with `\r` alone. */
  readonly loneReturns: boolean;
}

const SAVE_AS_CSV = 'Open it in the program that made it and save it as CSV.';

/** First bytes of files that are not text, what they are, and what to do. */
const SIGNATURES: readonly (readonly [start: string, what: string, next: string])[] = [
  ['\xd0\xcf\x11\xe0', 'an old Excel or Word file', SAVE_AS_CSV],
  ['ARROW1', 'an Arrow file', 'Convert it to JSONL first.'],
  ['SQLite format 3', 'an SQLite database', 'Export the table as CSV.'],
  ['{\\rtf', 'a Rich Text file', 'Save it as DOCX or as plain text.'],
  ['\x89PNG', 'a PNG image', 'Drop a CSV, JSONL, JSON or text file instead.'],
  ['\xff\xd8\xff', 'a JPEG image', 'Drop a CSV, JSONL, JSON or text file instead.'],
  ['GGUF', 'a GGUF model', 'Choose models in the Model stage. Drop a CSV, JSONL, JSON or text file here.'],
];

/** Throws data/binary for a file that is known not to be text. */
export function refuseSignature(start: Uint8Array): void {
  const text = String.fromCharCode(...start.subarray(0, 16));
  const found = SIGNATURES.find(([signature]) => text.startsWith(signature));
  if (found !== undefined) throw binary(`This is ${found[1]}, not text. ${found[2]}`);
}

const binary = (message: string) => new CodedError('data/binary', message);

/** By its byte order mark; UTF-16 without one by its zero bytes; else UTF-8. Throws data/binary when the start is not text. */
export function encodingOf(start: Uint8Array): Encoding {
  const { label, mark, marked } = markedAs(start) ?? { label: unmarked(start), mark: 0, marked: false };
  const text = new TextDecoder(label).decode(start.subarray(mark));
  refuseControls(text);
  return { label, mark, marked, loneReturns: text.includes('\r') && !text.includes('\n') };
}

const MARKS: readonly (readonly [label: string, mark: readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

function markedAs(start: Uint8Array): Omit<Encoding, 'loneReturns'> | null {
  const found = MARKS.find(([, mark]) => mark.every((byte, index) => start[index] === byte));
  return found === undefined ? null : { label: found[0], mark: found[1].length, marked: true };
}

/** UTF-16 of mostly Latin letters has a zero in every second byte. */
function unmarked(start: Uint8Array): string {
  const pairs = start.length >> 1;
  if (pairs < 2) return 'utf-8';
  let [even, odd] = [0, 0];
  for (let i = 0; i < pairs; i++) {
    if (start[2 * i] === 0) even++;
    if (start[2 * i + 1] === 0) odd++;
  }
  if (odd * 2 > pairs && even * 10 < pairs) return 'utf-16le';
  return even * 2 > pairs && odd * 10 < pairs ? 'utf-16be' : 'utf-8';
}

/** Some null characters are repaired; more than a few control characters show that this is not text. */
function refuseControls(text: string): void {
  const controls = text.match(CONTROLS)?.length ?? 0;
  if (controls > Math.max(4, text.length / 20))
    throw binary('This file contains bytes that are not text. Drop a CSV, JSONL, JSON or text file, saved as UTF-8.');
}

/** Control characters other than white space. */
const CONTROLS = /[^\P{Cc}\s]/gu;
