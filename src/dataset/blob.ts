/** Reads files of the disk. A file that was dropped is read again later, and may have changed or gone since. */

import { CodedError } from '../core/errors';

export async function readBytes(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.arrayBuffer().catch(refuse));
}

export async function readText(blob: Blob): Promise<string> {
  return new TextDecoder().decode(await readBytes(blob));
}

/** The pieces of a stream. Not every browser can iterate one. */
export async function* piecesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncIterable<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(refuse);
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

/** Browsers refuse to read a file that is not the one that was dropped. */
function refuse(error: unknown): never {
  if (!(error instanceof DOMException) || !/^(NotReadable|NotFound)Error$/.test(error.name)) throw error;
  throw new CodedError(
    'data/parse',
    'The file has changed, moved or gone since it was dropped, so it can’t be read again. Drop it again.',
  );
}
