/** Writing files to a sink. */

import type { ExportedFile, FileSink } from './types';

/** Writes a file whose parts come one after another. */
export async function writeFile(
  sink: FileSink,
  name: string,
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const writer = sink.file(name).getWriter();
  try {
    for await (const part of parts) await writer.write(part as Uint8Array<ArrayBuffer>);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => undefined);
    throw error;
  }
}

export function writeText(sink: FileSink, name: string, text: string): Promise<void> {
  return writeFile(sink, name, [new TextEncoder().encode(text)]);
}

/** A sink that collects the files as blobs, which the browser may keep on disk. */
export class BlobSink implements FileSink {
  readonly #files = new Map<string, Blob[]>();

  file(name: string): WritableStream<Uint8Array<ArrayBuffer>> {
    const parts: Blob[] = [];
    this.#files.set(name, parts);
    return new WritableStream({ write: (part) => void parts.push(new Blob([part])) });
  }

  get files(): readonly ExportedFile[] {
    return [...this.#files].map(([name, parts]) => ({ name, blob: new Blob(parts) }));
  }
}
