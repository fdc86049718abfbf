/**
 * Text of Word documents (.docx), by mammoth: headings, paragraphs, lists and tables. Only the parts with text are unpacked, in sizes that
 * are known before.
 */

import { makeZip } from 'client-zip';
import { CodedError } from '../core/errors';
import type { ZippedFile } from '../formats/zip-read';
import { readHtml } from './html-page';

/** The XML of a document, unpacked, has at most so many bytes: it is a tree in memory, of many times that. */
const MOST_XML = 1 << 26;

/** Tags inside tags: mammoth goes down with a function call each. */
const DEEPEST = 500;

const IS_TEXT = /\.(xml|rels)$/;

/** Throws data/parse for a document that is damaged, too large or too deep. */
export async function readDocx(files: readonly ZippedFile[]): Promise<string> {
  const parts = files.filter(({ name }) => IS_TEXT.test(name));
  const bytes = parts.reduce((sum, { size }) => sum + size, 0);
  if (bytes > MOST_XML) {
    const found = `The text of this document has ${bytes >> 20} MB of XML, and at most ${MOST_XML >> 20} MB can be read`;
    throw new CodedError('data/parse', `${found}. Save it as a text file, which may have any size.`);
  }
  try {
    const unpacked = await Promise.all(parts.map((part) => part.unpack()));
    for (const part of unpacked) refuseDeep(await part.text());
    const arrayBuffer = await new Response(makeZip(unpacked.map((input) => ({ name: input.name, input })))).arrayBuffer();
    const { default: mammoth } = await import('mammoth/mammoth.browser.min.js');
    const { value } = await mammoth.convertToHtml({ arrayBuffer }, { externalFileAccess: false });
    return readHtml(inLine(value)).text;
  } catch (error) {
    if (error instanceof CodedError && error.code === 'data/parse') throw error;
    throw damaged();
  }
}

/** The paragraphs of a cell stay on the line of its row. */
function inLine(html: string): string {
  return html.replace(/<(t[dh])\b[^>]*>[^]*?<\/\1>/g, (cell) => cell.replace(/<\/p>\s*<p>/g, ' ').replace(/<\/?p>/g, ''));
}

function refuseDeep(xml: string): void {
  let depth = 0;
  for (const [tag] of xml.matchAll(/<\/?[A-Za-z_][^<>]*>/g)) {
    if (tag.startsWith('</')) depth--;
    else if (!tag.endsWith('/>') && ++depth > DEEPEST) throw damaged();
  }
}

const damaged = () =>
  new CodedError('data/parse', 'This Word document is damaged. Open it in the program that made it and save it again.');
