/**
 * Text of PDF files, by pdf.js, which runs in the worker of the data: nothing is drawn, no font is loaded, no host is asked. A PDF has
 * texts at positions; `pdf-layout.ts` makes paragraphs of them.
 */

import { CodedError } from '../core/errors';
import { layoutPages, type PageLine, type PdfText } from './pdf-layout';

/** A character map of pdf.js by its name, such as `UniJIS-UCS2-H`: its compressed file. */
export type CharacterMaps = (name: string) => Promise<Uint8Array>;

/** Where the maps come from depends on the program: files of the page, or of the package. */
let readMap: CharacterMaps = (name) => Promise.reject(new Error(`The character map ${name} is not at hand.`));

/** To be called once by each program that reads PDFs. */
export function takeCharacterMaps(read: CharacterMaps): void {
  readMap = read;
}

const MOST_BYTES = 1 << 28;
const MOST_PAGES = 20_000;

/** Throws data/parse for a damaged or locked file, and for one that is too large; data/no-examples for pictures of pages. */
export async function readPdf(file: Blob, progress: (share: number) => void): Promise<PdfText> {
  if (file.size > MOST_BYTES) throw tooLarge(`${file.size >> 20} MB`, `${MOST_BYTES >> 20} MB`);
  const { getDocument } = await pdfJs();
  const missing = new Set<string>();
  const task = getDocument({
    CMapReaderFactory: mapReader(missing),
    ...{ data: await file.arrayBuffer(), isEvalSupported: false, useWorkerFetch: false, useSystemFonts: false },
    ...{
      disableFontFace: true,
      enableXfa: false,
      isOffscreenCanvasSupported: false,
      isImageDecoderSupported: false,
      useWasm: false,
    },
    ...{ stopAtErrors: false, verbosity: 0 },
  });
  try {
    const pdf = await task.promise.catch(refuse);
    if (pdf.numPages > MOST_PAGES) throw tooLarge(`${pdf.numPages} pages`, `${MOST_PAGES} pages`);
    const pages: PageLine[][] = [];
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number).catch(refuse);
      const { items } = await page.getTextContent().catch(refuse);
      pages.push(linesOf(items));
      page.cleanup();
      progress(number / pdf.numPages);
    }
    // pdf.js leaves out texts whose characters it can't tell.
    if (missing.size > 0) throw noMaps([...missing]);
    if (pages.every((lines) => lines.length === 0)) throw noText(pdf.numPages);
    return layoutPages(pages);
  } finally {
    await task.destroy();
  }
}

/** What pdf.js makes an object of to read character maps. Those that can't be read are added to `missing`. */
function mapReader(missing: Set<string>) {
  return class {
    async fetch({ name }: { readonly name: string }) {
      try {
        return { cMapData: await readMap(name), isCompressed: true };
      } catch (error) {
        missing.add(name);
        throw error;
      }
    }
  };
}

/** pdf.js with its worker's code beside it, so that it starts no worker of its own. */
async function pdfJs() {
  // It makes a matrix for drawing when it is loaded, which Node does not have.
  (globalThis as { DOMMatrix?: unknown }).DOMMatrix ??= Object;
  const [pdf, worker] = await Promise.all([
    import('pdfjs-dist/legacy/build/pdf.min.mjs'),
    import('pdfjs-dist/legacy/build/pdf.worker.min.mjs'),
  ]);
  (globalThis as { pdfjsWorker?: unknown }).pdfjsWorker = worker;
  return pdf;
}

/** A text of a page at its place, as pdf.js gives it; marks of content have no text. */
interface TextItem {
  readonly str: string;
  readonly transform: readonly number[];
  readonly width: number;
  readonly height: number;
}

const isText = (item: object): item is TextItem => 'str' in item;

/** The lines of a page, in the order of its content: texts with the same base line, one after the other. */
function linesOf(items: readonly object[]): PageLine[] {
  const lines: { text: string; x: number; y: number; right: number; height: number }[] = [];
  for (const item of items) {
    if (!isText(item) || item.str === '') continue;
    const [x, y] = [item.transform[4] ?? 0, item.transform[5] ?? 0];
    const line = lines.at(-1);
    const size = item.height || Math.abs(item.transform[3] ?? 0);
    if (line !== undefined && follows(line, x, y, Math.max(size, line.height))) {
      const gap = x - line.right > 0.15 * Math.max(size, line.height) && !/\s$/.test(line.text) && !/^\s/.test(item.str);
      line.text += `${gap ? ' ' : ''}${item.str}`;
      line.right = Math.max(line.right, x + item.width);
      line.height = Math.max(line.height, size);
    } else if (item.str.trim() !== '') lines.push({ text: item.str, x, y, right: x + item.width, height: size });
  }
  return lines.map((line) => ({ ...line, text: line.text.replace(/\s+/g, ' ').trim() })).filter(({ text }) => text !== '');
}

/** On the same base line, about: superscripts are higher. A text far to the left begins another line. */
const follows = (line: { readonly y: number; readonly right: number }, x: number, y: number, size: number): boolean =>
  Math.abs(line.y - y) < 0.5 * size && x > line.right - 2 * size;

function refuse(error: unknown): never {
  const name = error instanceof Error ? error.name : '';
  if (name === 'PasswordException')
    throw new CodedError('data/parse', 'This PDF is locked with a password. Open it in a viewer and save it without one.');
  throw new CodedError('data/parse', 'This PDF is damaged. Download it again, or copy its text into a .txt file.');
}

const tooLarge = (found: string, most: string) =>
  new CodedError('data/parse', `This PDF has ${found}, and at most ${most} can be read. Drop a part of it.`);

const noMaps = (names: readonly string[]) =>
  new CodedError(
    'data/parse',
    `This PDF needs the character maps ${names.join(', ')}, which could not be fetched. Check the connection, and drop the file again.`,
  );

function noText(pages: number): CodedError {
  const found = pages === 1 ? 'The page of this PDF has no text' : `The ${pages} pages of this PDF have no text`;
  return new CodedError(
    'data/no-examples',
    `${found}: they are pictures (a scan). Let a program recognise the text first (OCR).`,
  );
}
