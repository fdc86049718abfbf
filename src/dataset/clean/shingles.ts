/** Texts as sets of shingles: 32-bit hashes of every run of `size` words or characters. */

import { mix } from '../row-hash';

export interface Shingling {
  readonly unit: 'words' | 'characters';
  /** Words or characters of a shingle. */
  readonly size: number;
}

/** Pairs of words suit rows of one sentence to some paragraphs; a shingle of characters survives a misspelt word better. */
export const WORD_PAIRS: Shingling = { unit: 'words', size: 2 };
export const CHARACTER_FIVES: Shingling = { unit: 'characters', size: 5 };

/** Words of scripts that are written without spaces are single characters. */
const WORD = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]|[\p{L}\p{N}\p{M}]+/gu;

/**
 * The distinct hashes of a text's shingles, ascending. Case, marks and the kind of white space do not count. Empty without a letter or
 * digit.
 */
export function shinglesOf(text: string, { unit, size }: Shingling): Uint32Array {
  const parts = unit === 'words' ? wordHashes(text) : Array.from(wordsOf(text).join(' '), hashText);
  if (parts.length === 0) return new Uint32Array(0);
  const count = Math.max(parts.length - size + 1, 1);
  const hashes = new Uint32Array(count);
  for (let start = 0; start < count; start++) hashes[start] = hashRun(parts, start, Math.min(start + size, parts.length));
  return distinct(hashes.sort());
}

const wordsOf = (text: string): readonly string[] => text.normalize('NFKC').toLowerCase().match(WORD) ?? [];

/** The hashes of a text's words. Those of ASCII text, which is most, are read without making strings: five times as fast. */
function wordHashes(text: string): number[] {
  const hashes: number[] = [];
  let hash = FNV_START;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 127) return wordsOf(text).map(hashText);
    const part = isDigit(unit) || isSmall(unit | CASE) ? unit | (isDigit(unit) ? 0 : CASE) : 0;
    if (part !== 0) hash = Math.imul(hash ^ part, FNV_PRIME);
    else if (hash !== FNV_START) {
      hashes.push(mix(hash));
      hash = FNV_START;
    }
  }
  if (hash !== FNV_START) hashes.push(mix(hash));
  return hashes;
}

/** The bit in which ASCII's capitals and small letters differ. */
const CASE = 32;
const isDigit = (unit: number): boolean => unit >= 48 && unit <= 57;
const isSmall = (unit: number): boolean => unit >= 97 && unit <= 122;

function hashRun(parts: readonly number[], start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at++) hash = mix(Math.imul(hash, 0x9e3779b1) ^ (parts[at] ?? 0));
  return hash;
}

const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over UTF-16 units, then mixed. */
export function hashText(text: string): number {
  let hash = FNV_START;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return mix(hash);
}

function distinct(sorted: Uint32Array): Uint32Array {
  let end = 0;
  for (let at = 0; at < sorted.length; at++) {
    const value = sorted[at] ?? 0;
    if (end === 0 || value !== sorted[end - 1]) sorted[end++] = value;
  }
  return sorted.slice(0, end);
}

/** Jaccard's index of two ascending sets: what they share, as a part of all they have. 0 for two empty sets. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  let [i, j, shared] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const difference = (a[i] ?? 0) - (b[j] ?? 0);
    if (difference === 0) shared++;
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  const all = a.length + b.length - shared;
  return all === 0 ? 0 : shared / all;
}
