/** The character maps of pdf.js for programs outside of the page: files of its package. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { takeCharacterMaps } from '../src/dataset/pdf';

const FOLDER = fileURLToPath(new URL('../node_modules/pdfjs-dist/cmaps', import.meta.url));

/** To be called before PDFs are read. */
export function useCharacterMaps(): void {
  takeCharacterMaps(async (name) => new Uint8Array(await readFile(`${FOLDER}/${name}.bcmap`)));
}
