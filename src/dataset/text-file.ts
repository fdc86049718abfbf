/**
 * A dropped file as UTF-8 text that is read in pieces. A file that is not clean UTF-8 is written anew, piece by piece, so that everything
 * after this reads one encoding. Blobs of this size are kept on disk by the browser.
 */

import chardet from 'chardet';
import { CodedError } from '../core/errors';
import { growingHash } from '../core/hash';
import { piecesOf, readBytes } from './blob';
import { encodingOf, refuseSignature, type Encoding } from './encoding';
import { LineDecoder, type Repairs } from './line-decoder';

export interface TextFile {
  /** Valid UTF-8 without a byte order mark or null characters, with `\n` or `\r\n` as line ends. */
  readonly text: Blob;
  /** What was assumed and repaired, in sentences. */
  readonly notes: readonly string[];
  /** SHA-256 of the file as it was dropped, hex. */
  readonly hash: string;
}

/** Called with the bytes of the file that were read so far. */
export type Progress = (done: number) => void;

/** How many bytes of the start tell what a file is. */
const START = 65536;

/** Throws data/empty and data/binary. */
export async function openTextFile(file: Blob, progress: Progress): Promise<TextFile> {
  const start = await readBytes(file.slice(0, START));
  refuseSignature(start);
  const survey = await surveyOf(file, progress);
  if (survey.blank) throw emptyFile(file.size);
  const encoding = encodingOf(start);
  if (encoding.label === 'utf-8' && survey.clean && !encoding.loneReturns) {
    return { text: file.slice(encoding.mark), notes: [], hash: survey.hash };
  }
  const decoded = await rewrite(file, survey.valid ? encoding : { ...encoding, label: legacyOf(encoding, survey.suspects) });
  return { ...decoded, hash: survey.hash };
}

interface Survey {
  readonly hash: string;
  /** Valid UTF-8. */
  readonly valid: boolean;
  /** Valid UTF-8 without null characters. */
  readonly clean: boolean;
  /** Nothing but white space. */
  readonly blank: boolean;
  /** The first bytes that are not valid UTF-8, with their surroundings. */
  readonly suspects: Uint8Array;
}

/** SHA-256 of a file that is not read as text, hex. */
export async function hashFile(file: Blob, progress: Progress): Promise<string> {
  return (await surveyOf(file, progress)).hash;
}

async function surveyOf(file: Blob, progress: Progress): Promise<Survey> {
  const hash = growingHash('sha256', file.size);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let [valid, nulls, blank, done] = [true, false, true, 0];
  let suspects = new Uint8Array(0);
  for await (const piece of piecesOf(file.stream())) {
    hash.update(piece);
    if (valid && !isValid(decoder, piece)) [valid, suspects] = [false, piece];
    nulls ||= piece.includes(0);
    blank &&= !piece.some((byte) => byte > 32 && !MARK.has(byte));
    progress((done += piece.length));
  }
  valid &&= endsWhole(decoder);
  return { hash: hash.digest(), valid, clean: valid && !nulls, blank, suspects };
}

/** Bytes of byte order marks, which are no text. */
const MARK = new Set([0xef, 0xbb, 0xbf, 0xff, 0xfe]);

function isValid(decoder: TextDecoder, piece: Uint8Array): boolean {
  try {
    decoder.decode(piece, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function endsWhole(decoder: TextDecoder): boolean {
  try {
    decoder.decode();
    return true;
  } catch {
    return false;
  }
}

/**
 * The encoding of a file that is not valid UTF-8: UTF-8 with some bad bytes where most of its other characters are valid, else the one
 * that the bytes look most like.
 */
function legacyOf({ label }: Encoding, suspects: Uint8Array): string {
  if (label !== 'utf-8' || isMostlyUtf8(suspects)) return label;
  const found = chardet.analyse(suspects).find(({ name }) => isLegacy(name))?.name ?? 'windows-1252';
  return found === 'ISO-8859-1' ? 'windows-1252' : found.toLowerCase();
}

function isLegacy(name: string): boolean {
  if (/^(utf|ascii)/i.test(name)) return false;
  try {
    return new TextDecoder(name).encoding !== 'utf-8';
  } catch {
    return false;
  }
}

/** More characters of several bytes than bytes that belong to none. */
function isMostlyUtf8(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes);
  const bad = text.split('\ufffd').length - 1;
  const good = text.match(/[^\0-\x7f\ufffd]/gu)?.length ?? 0;
  return good >= bad;
}

/** The text of the file as UTF-8, with notes on what was repaired. */
async function rewrite(file: Blob, encoding: Encoding): Promise<Omit<TextFile, 'hash'>> {
  const decoder = new LineDecoder(encoding);
  const parts: Blob[] = [];
  for await (const piece of piecesOf(file.slice(encoding.mark).stream())) parts.push(new Blob([decoder.decode(piece)]));
  parts.push(new Blob([decoder.end()]));
  return { text: new Blob(parts), notes: notesOf(encoding, decoder.repairs) };
}

/** Names of encodings for notes. */
const NAMES: Readonly<Record<string, string>> = { 'utf-16le': 'UTF-16', 'utf-16be': 'UTF-16', 'windows-1252': 'Windows-1252' };

function notesOf({ label, marked }: Encoding, { invalid, nulls }: Repairs): string[] {
  const name = NAMES[label] ?? label;
  const read =
    label === 'utf-8' || marked
      ? ''
      : `The file is not valid UTF-8, so it was read as ${name}. Check that accented letters are right.`;
  const known = label.startsWith('utf-16') ? `The file is in ${name}.` : read;
  return [
    known,
    invalid.count === 0 ? '' : `${lineWords(invalid)} bytes that are not UTF-8: they are shown as \ufffd.`,
    nulls.count === 0 ? '' : `${lineWords(nulls)} null characters, which were left out.`,
  ].filter((note) => note !== '');
}

/** `Line 7 has`, `Lines 3, 7 and 12 more have` */
function lineWords({ count, first }: Repairs['nulls']): string {
  if (count === 1) return `Line ${first.join()} has`;
  const more = count - first.length;
  return `Lines ${more === 0 ? first.join(', ') : `${first.join(', ')} and ${more.toLocaleString('en')} more`} have`;
}

function emptyFile(size: number): CodedError {
  const found = size === 0 ? 'This file is empty (0 bytes)' : 'This file contains only white space';
  return new CodedError('data/empty', `${found}. Drop a CSV, JSONL, JSON or text file with at least one example.`);
}
