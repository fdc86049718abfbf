/** Folders on disk that exported files are written into, part by part: one that the user chose, or one in the browser's private storage. */

import { formatBytes, storageError } from '../core/storage';
import type { ExportedFile, FileSink } from '../export/types';

type Part = Uint8Array<ArrayBuffer>;

/** Bytes written so far, of about as many. */
export type OnBytes = (done: number, total: number) => void;

export class FolderSink implements FileSink {
  readonly #root: FileSystemDirectoryHandle;
  readonly #total: number;
  readonly #onBytes: OnBytes;
  readonly #handles = new Map<string, FileSystemFileHandle>();
  #done = 0;

  /** `total`: about the bytes that will be written. */
  constructor(root: FileSystemDirectoryHandle, total: number, onBytes: OnBytes) {
    this.#root = root;
    this.#total = total;
    this.#onBytes = onBytes;
  }

  file(name: string): WritableStream<Part> {
    let target: Target | null = null;
    return new WritableStream<Part>({
      start: async () => {
        const handle = await handleOf(this.#root, name).catch((error: unknown) => this.#failed(error, name));
        this.#handles.set(name, handle);
        target = await openTarget(handle);
      },
      write: async (part) => {
        await Promise.resolve(target?.write(part)).catch((error: unknown) => this.#failed(error, name));
        this.#done += part.length;
        this.#onBytes(this.#done, Math.max(this.#done, this.#total));
      },
      close: () => target?.close(),
      abort: () => target?.abort(),
    });
  }

  /** The files that were written. */
  files(): Promise<readonly ExportedFile[]> {
    return Promise.all([...this.#handles].map(async ([name, handle]) => ({ name, blob: await handle.getFile() })));
  }

  #failed(error: unknown, name: string): never {
    throw storageError(error, `the exported file ${name}`, this.#total);
  }
}

async function handleOf(root: FileSystemDirectoryHandle, name: string): Promise<FileSystemFileHandle> {
  const path = name.split('/');
  let folder = root;
  for (const part of path.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
  return folder.getFileHandle(path.at(-1) ?? name, { create: true });
}

interface Target {
  write(part: Part): Promise<void> | void;
  close(): Promise<void> | void;
  abort(): Promise<void> | void;
}

/** Safari before version 26 has no streams, but access handles, in its private storage. */
async function openTarget(handle: FileSystemFileHandle): Promise<Target> {
  if ('createWritable' in handle) return handle.createWritable();
  const access = await (handle as FileSystemFileHandle).createSyncAccessHandle();
  access.truncate(0);
  let at = 0;
  return {
    write(part) {
      const written = access.write(part, { at });
      if (written < part.length) throw new DOMException(`only ${formatBytes(at + written)} fit`, 'QuotaExceededError');
      at += written;
    },
    close: () => access.close(),
    abort: () => access.close(),
  };
}

const FOLDER = 'exports';
const lockOf = (id: string) => `finetab:export:${id}`;

/** The folder of this worker in the private storage. The files of an export are there until the next one, or until the worker has ended. */
export class PrivateFolder {
  readonly #id = crypto.randomUUID();
  #locked = false;

  /** The empty folder. Those of workers that have ended are deleted. */
  async empty(): Promise<FileSystemDirectoryHandle> {
    await this.#lock();
    const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
    for await (const [id] of root.entries()) {
      if (id === this.#id) await root.removeEntry(id, { recursive: true });
      else await whileUnused(id, () => root.removeEntry(id, { recursive: true }));
    }
    return root.getDirectoryHandle(this.#id, { create: true });
  }

  /** Held until the worker ends. */
  async #lock(): Promise<void> {
    if (this.#locked) return;
    this.#locked = true;
    await new Promise<void>((held) => {
      void navigator.locks.request(lockOf(this.#id), () => {
        held();
        return new Promise(() => undefined);
      });
    });
  }
}

async function whileUnused(id: string, work: () => Promise<void>): Promise<void> {
  await navigator.locks.request(lockOf(id), { ifAvailable: true }, async (lock) => {
    if (lock !== null) await work();
  });
}
