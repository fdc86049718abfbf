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

/** Bytes of one part of a text. */
const TEXT_PART = 64 * 1024;

/** Writes a text whose lines come one after another. */
export function writeLines(sink: FileSink, name: string, lines: Iterable<string>): Promise<void> {
  return writeFile(sink, name, encoded(lines));
}

function* encoded(lines: Iterable<string>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = '';
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length < TEXT_PART) continue;
    yield encoder.encode(text);
    text = '';
  }
  yield encoder.encode(text);
}

/** Bytes of one read. */
const CHUNK = 8 * 1024 * 1024;

/** Copies a file. */
export function copyFile(sink: FileSink, name: string, file: Blob): Promise<void> {
  return writeFile(sink, name, chunks(file));
}

async function* chunks(file: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.size; at += CHUNK)
    yield new Uint8Array(await file.slice(at, Math.min(file.size, at + CHUNK)).arrayBuffer());
}

/** A sink whose files are in a folder of another one. */
export function folderOf(sink: FileSink, folder: string): FileSink {
  return { file: (name) => sink.file(`${folder}/${name}`) };
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
