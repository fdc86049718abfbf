/** Files in the browser's origin private file system (OPFS): reading, writing, and coded errors. */

import { formatBytes, storageError } from './storage';

/** Bytes of one write. */
const CHUNK = 8 * 1024 * 1024;

/** Converts storage errors to coded errors. Cancellation throws the reason of the signal. */
export async function guarded<T>(what: string, needed: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Cancelled) throw error.reason;
    throw storageError(error, what, needed);
  }
}

class Cancelled extends Error {
  readonly reason: Error;

  constructor(signal: AbortSignal) {
    super('cancelled');
    this.reason = signal.reason instanceof Error ? signal.reason : new DOMException('cancelled', 'AbortError');
  }
}

/** Resolves to null instead of throwing a NotFoundError. */
export async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return null;
    throw error;
  }
}

/** Writes a file, part after part, in place of one of that name. Workers have access handles, which are faster; pages have streams only. Safari has no streams before version 26. */
export async function writeFile(
  folder: FileSystemDirectoryHandle,
  name: string,
  data: Blob,
  signal?: AbortSignal,
): Promise<void> {
  const handle = await folder.getFileHandle(name, { create: true });
  if ('createSyncAccessHandle' in handle) await writeSync(handle, data, signal);
  else await writeStream(handle, data, signal);
}

/** The bytes of a blob, part after part. */
export async function* chunksOf(data: Blob, signal?: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let from = 0; from < data.size; from += CHUNK) {
    if (signal?.aborted) throw new Cancelled(signal);
    yield new Uint8Array(await data.slice(from, from + CHUNK).arrayBuffer());
  }
}

async function writeSync(handle: FileSystemFileHandle, data: Blob, signal: AbortSignal | undefined): Promise<void> {
  const access = await handle.createSyncAccessHandle();
  try {
    access.truncate(0);
    let at = 0;
    for await (const chunk of chunksOf(data, signal)) {
      const written = access.write(chunk, { at });
      if (written < chunk.length) throw new DOMException(`only ${formatBytes(at + written)} fit`, 'QuotaExceededError');
      at += written;
    }
    access.flush();
  } finally {
    access.close();
  }
}

async function writeStream(handle: FileSystemFileHandle, data: Blob, signal: AbortSignal | undefined): Promise<void> {
  const stream = await handle.createWritable();
  try {
    for await (const chunk of chunksOf(data, signal)) await stream.write(chunk);
    await stream.close();
  } catch (error) {
    await stream.abort().catch(() => undefined);
    throw error;
  }
}
