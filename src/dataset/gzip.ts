/** Unpacks files that were packed with gzip. */

import { CodedError } from '../core/errors';
import { piecesOf, readBytes } from './blob';

/** What is unpacked at most, in bytes. */
const MOST = 2 ** 33;

export async function isGzip(file: Blob): Promise<boolean> {
  const [first, second] = await readBytes(file.slice(0, 2));
  return first === 0x1f && second === 0x8b;
}

/** Throws data/parse for an archive that is damaged, cut off or too large. */
export async function gunzip(file: Blob): Promise<Blob> {
  const parts: Blob[] = [];
  let size = 0;
  try {
    for await (const piece of piecesOf(file.stream().pipeThrough(new DecompressionStream('gzip')))) {
      size += piece.length;
      if (size > MOST) throw tooLarge();
      parts.push(new Blob([piece]));
    }
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError(
      'data/parse',
      'This gzip archive is damaged or was cut off. Download or pack it again, or drop the unpacked file.',
    );
  }
  return new Blob(parts);
}

const tooLarge = () =>
  new CodedError('data/parse', `This gzip archive has more than ${MOST / 2 ** 30} GB. Unpack it, and drop a part of it.`);
