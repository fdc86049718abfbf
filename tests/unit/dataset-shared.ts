/** Where the real material for tests lies on development machines. A public checkout does not have it. */

import { existsSync, readFileSync } from 'node:fs';
import { openDataset, type Dataset } from '../../src/dataset/dataset';

const ROOT = new URL('../../../shared/data/', import.meta.url);

/** True when `../shared/data/PATH` is there; says so when it is not. */
export function isShared(path: string): boolean {
  const present = existsSync(new URL(path, ROOT));
  if (!present) console.log(`skipped: ../shared/data/${path} not present`);
  return present;
}

export function readShared(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(path, ROOT)));
}

export const sharedText = (path: string) => new TextDecoder().decode(readShared(path));

/** Opens text as if it were dropped. */
export function openText(name: string, text: string): Promise<Dataset> {
  return openDataset(name, new TextEncoder().encode(text));
}
