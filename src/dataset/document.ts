/** Documents that are no plain text: Word and PDF files, as paragraphs. */

import { readBytes } from './blob';
import { archiveKind, isZip, openArchive } from './archive';
import { readDocx } from './docx';
import { readPdf } from './pdf';

export interface DocumentText {
  readonly kind: 'docx' | 'pdf';
  /** With an empty line between paragraphs. */
  readonly text: string;
  /** What was left out, in sentences. */
  readonly notes: readonly string[];
}

/** The text of a document; null for other files. Throws data/parse, data/binary, data/no-examples. */
export async function readDocument(file: Blob, progress: (share: number) => void): Promise<DocumentText | null> {
  if (await isPdf(file)) {
    const { paragraphs, notes } = await readPdf(file, progress);
    return { kind: 'pdf', text: paragraphs.join('\n\n'), notes };
  }
  if (!(await isZip(file))) return null;
  const files = await openArchive(file);
  return archiveKind(files) === 'docx' ? { kind: 'docx', text: await readDocx(files), notes: [] } : null;
}

const isPdf = async (file: Blob): Promise<boolean> =>
  String.fromCharCode(...(await readBytes(file.slice(0, 8)))).startsWith('%PDF');
