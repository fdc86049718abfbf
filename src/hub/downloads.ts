/**
 * Downloads in the browser's origin private file system (OPFS). Each is a folder with its plan and the files so far; a mark is written
 * when all of them have the hashes of the commit. Whoever writes one holds its lock.
 */

import { CodedError } from '../core/errors';
import { ensureSpace, formatBytes, storageError } from '../core/storage';
import { growingHash, type GrowingHash } from '../core/hash';
import type { GrowingFile } from './download';
import type { HubFile, HubPlan } from './types';

/** A download that is stored, complete or not. */
export interface StoredDownload {
  readonly key: string;
  readonly plan: HubPlan;
  /** Bytes of its files. */
  readonly stored: number;
  readonly complete: boolean;
}

const ROOT = 'downloads';
const PLAN = 'plan.json';
const COMPLETE = 'complete.json';
/** Bytes of one read when stored bytes are hashed. */
const CHUNK = 4 * 1024 * 1024;

const root = async (): Promise<FileSystemDirectoryHandle> =>
  (await navigator.storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });

/** All downloads, by name. */
export async function listDownloads(): Promise<readonly StoredDownload[]> {
  const found: StoredDownload[] = [];
  for await (const [key, folder] of (await root()).entries()) {
    const plan = folder instanceof FileSystemDirectoryHandle ? await readPlan(folder) : null;
    if (plan === null || !(folder instanceof FileSystemDirectoryHandle)) continue;
    const sizes = await Promise.all(plan.files.map(({ path }) => sizeIn(folder, path)));
    const complete = (await fileIn(folder, COMPLETE)) !== null;
    found.push({ key, plan, stored: sizes.reduce((sum, size) => sum + size, 0), complete });
  }
  return found.sort((a, b) => (a.plan.id < b.plan.id ? -1 : 1));
}

/** The plan and the files of a complete download. Throws `store/corrupt` when it is missing or not complete. */
export async function openDownload(
  key: string,
): Promise<{ readonly plan: HubPlan; readonly folder: FileSystemDirectoryHandle; readonly files: readonly File[] }> {
  const folder = await (await root()).getDirectoryHandle(key).catch(() => null);
  const plan = folder === null ? null : await readPlan(folder);
  const files = folder === null || plan === null ? [] : await Promise.all(plan.files.map(({ path }) => fileIn(folder, path)));
  const there = files.filter((file) => file !== null);
  const whole = plan?.files.every(({ size }, index) => there[index]?.size === size) ?? false;
  if (folder === null || plan === null || !whole || (await fileIn(folder, COMPLETE)) === null)
    throw new CodedError('store/corrupt', 'This download is missing or not complete. Press Download to load the rest.');
  return { plan, folder, files: there };
}

/** Deletes a download. Throws `store/locked` while it is written. */
export async function deleteDownload(key: string): Promise<void> {
  await withDownload(key, async () => {
    await (await root()).removeEntry(key, { recursive: true }).catch((error: unknown) => {
      if (!isMissing(error)) throw storageError(error, 'a download', 0);
    });
  });
}

/** Runs `work` with the download's lock. Throws `store/locked` when another tab has it. */
export async function withDownload<T>(key: string, work: () => Promise<T>): Promise<T> {
  return navigator.locks.request(`finetab:download:${key}`, { ifAvailable: true }, async (lock) => {
    if (lock !== null) return work();
    throw new CodedError('store/locked', 'Another tab downloads this model. Wait until it has finished, or stop it there.');
  });
}

/** The folder of one download while it is written; for workers, which have access handles. */
export class DownloadFolder {
  readonly #folder: FileSystemDirectoryHandle;

  private constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  /** Begins a download, or goes on with it. Throws `store/quota` when the rest does not fit. */
  static async begin(key: string, plan: HubPlan): Promise<DownloadFolder> {
    const what = `the download of ${plan.id}`;
    return guarded(what, plan.bytes, async () => {
      const handle = await (await root()).getDirectoryHandle(key, { create: true });
      const folder = new DownloadFolder(handle);
      const stored = await folder.sizes(plan.files);
      await ensureSpace(what, plan.bytes - stored.reduce((sum, size) => sum + size, 0));
      await folder.#write(PLAN, JSON.stringify(plan));
      return folder;
    });
  }

  async sizes(files: readonly HubFile[]): Promise<readonly number[]> {
    return Promise.all(files.map(({ path }) => sizeIn(this.#folder, path)));
  }

  /** Opens a file to append to it; its stored bytes are hashed. Safari and Firefox allow one open handle for a file. */
  async open(file: HubFile): Promise<GrowingFile> {
    return guarded(file.path, file.size, async () => {
      const handle = await this.#folder.getFileHandle(file.path, { create: true });
      return GrowingEntry.open(await handle.createSyncAccessHandle(), file);
    });
  }

  /** Marks the download as complete. */
  async complete(): Promise<void> {
    await guarded('a download', 0, () => this.#write(COMPLETE, JSON.stringify({ complete: true })));
  }

  async #write(name: string, text: string): Promise<void> {
    const access = await (await this.#folder.getFileHandle(name, { create: true })).createSyncAccessHandle();
    try {
      access.truncate(0);
      access.write(new TextEncoder().encode(text));
      access.flush();
    } finally {
      access.close();
    }
  }
}

/** A file of a download, which is open for writing. */
class GrowingEntry implements GrowingFile {
  readonly #access: FileSystemSyncAccessHandle;
  readonly #file: HubFile;
  #hash: GrowingHash;
  size = 0;

  private constructor(access: FileSystemSyncAccessHandle, file: HubFile) {
    this.#access = access;
    this.#file = file;
    this.#hash = growingHash(file.hash.kind, file.size);
  }

  static open(access: FileSystemSyncAccessHandle, file: HubFile): GrowingEntry {
    const entry = new GrowingEntry(access, file);
    const size = access.getSize();
    const chunk = new Uint8Array(CHUNK);
    while (entry.size < size) {
      const read = access.read(chunk, { at: entry.size });
      if (read === 0) break;
      entry.#hash.update(chunk.subarray(0, read));
      entry.size += read;
    }
    return entry;
  }

  append(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return guarded(this.#file.path, this.#file.size, () => {
      const written = this.#access.write(bytes, { at: this.size });
      if (written < bytes.length) {
        this.#access.truncate(this.size);
        throw new DOMException(`only ${formatBytes(this.size + written)} fit`, 'QuotaExceededError');
      }
      this.#hash.update(bytes);
      this.size += written;
      return Promise.resolve();
    });
  }

  restart(): Promise<void> {
    this.#access.truncate(0);
    this.#hash = growingHash(this.#file.hash.kind, this.#file.size);
    this.size = 0;
    return Promise.resolve();
  }

  digest(): Promise<string> {
    return Promise.resolve(this.#hash.digest());
  }

  close(): Promise<void> {
    this.#access.flush();
    this.#access.close();
    return Promise.resolve();
  }
}

async function guarded<T>(what: string, needed: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageError(error, what, needed);
  }
}

const isMissing = (error: unknown): boolean => error instanceof DOMException && error.name === 'NotFoundError';

async function fileIn(folder: FileSystemDirectoryHandle, name: string): Promise<File | null> {
  try {
    return await (await folder.getFileHandle(name)).getFile();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function sizeIn(folder: FileSystemDirectoryHandle, name: string): Promise<number> {
  return (await fileIn(folder, name))?.size ?? 0;
}

/** Null when it was not written completely. */
async function readPlan(folder: FileSystemDirectoryHandle): Promise<HubPlan | null> {
  try {
    const text = await (await fileIn(folder, PLAN))?.text();
    const plan = JSON.parse(text ?? 'null') as HubPlan | null;
    return plan !== null && Array.isArray(plan.files) && typeof plan.id === 'string' ? plan : null;
  } catch {
    return null;
  }
}
