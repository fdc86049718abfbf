/** Whole files that damaged ones are made of: the fixtures of the tests, and public datasets where they are on this machine. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Original } from './files';

/** What is taken of each file: damage to more says no more, and takes longer. */
const MOST = 40_000;

/**
 * The Brotli decoder of hyparquet-compressors 1.1 reads some damaged streams for ever: it looks for the end of its input with a counter
 * that wraps around below zero. The page offers to cancel a reading that takes long.
 */
const ENDLESS: ReadonlySet<string> = new Set(['rows-brotli.parquet']);

const folderOf = (path: string): string => fileURLToPath(new URL(`../unit/fixtures/datasets/${path}`, import.meta.url));

/** Word files, PDFs, pages and archives, which take longer to read than tables. */
export const DOCUMENTS = folderOf('documents');

/** `more`: folders besides the fixtures. */
export function readOriginals(more: readonly string[] = []): Original[] {
  return [folderOf('.'), ...more].filter((folder) => existsSync(folder)).flatMap(originalsIn);
}

function originalsIn(folder: string): Original[] {
  return readdirSync(folder)
    .filter((name) => statSync(`${folder}/${name}`).isFile() && !ENDLESS.has(name))
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(`${folder}/${name}`).subarray(0, MOST)) }));
}
