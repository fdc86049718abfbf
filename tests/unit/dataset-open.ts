/** Datasets for tests: text as if it were dropped, and small files of each format (made by fixtures/make_fixtures.py). */

import { readFileSync } from 'node:fs';
import { openDataset, type Dataset } from '../../src/dataset/dataset';

/** Opens text as if it were dropped. */
export function openText(name: string, text: string): Promise<Dataset> {
  return openDataset(name, new TextEncoder().encode(text));
}

export const readFixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`fixtures/datasets/${name}`, import.meta.url)));
