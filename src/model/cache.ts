/**
 * Copies of models in the browser's origin private file system (OPFS), for later visits and offline use. Each model is a folder with
 * its files and a manifest, which is written last: a model exists when its manifest does.
 */

import { CodedError } from '../core/errors';
import { chunksOf, guarded, orNull, writeFile } from '../core/private-files';
import { ensureSpace } from '../core/storage';
import { growingHash, type HashKind } from '../core/hash';
import { openFolder, type ModelFolder } from './folder';
import type { Verification } from './types';

export interface CachedModel {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** Where it was downloaded from; absent for the user's own files. */
  readonly origin?: Origin;
}

/** A model on a hub, at a commit. */
export interface Origin {
  readonly hub: string;
  readonly id: string;
  readonly commit: string;
}

/** A file of a hub, and the hash that it has there. */
interface HashedFile {
  readonly path: string;
  readonly size: number;
  readonly hash: { readonly kind: HashKind; readonly value: string };
}

interface KeptFile {
  readonly name: string;
  readonly size: number;
  readonly hash?: HashedFile['hash'];
}

interface Manifest extends CachedModel {
  readonly version: 1;
  readonly files: readonly KeptFile[];
}

const MANIFEST = 'manifest.json';

/** The cache in the folder `root` of the private file system. Opens nothing yet. */
export function openModelCache(root = 'models'): ModelCache {
  return new ModelCache(root);
}

export class ModelCache {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** All complete models, sorted by name. */
  list(): Promise<readonly CachedModel[]> {
    return guarded('the list of cached models', 0, async () => {
      const models: CachedModel[] = [];
      for await (const [, folder] of (await this.#folder()).entries()) {
        const manifest = folder instanceof FileSystemDirectoryHandle ? await readManifest(folder) : null;
        if (manifest !== null) models.push(cachedModel(manifest));
      }
      return models.sort((a, b) => (a.name < b.name ? -1 : 1));
    });
  }

  /** Opens a cached model. Throws `store/corrupt` when it is missing, incomplete or changed. */
  async open(id: string): Promise<ModelFolder> {
    const found = await guarded('a cached model', 0, () => this.#files(id));
    const folder = found === null ? null : await openFolder(found.files, { name: found.name, cached: true });
    if (folder?.id === id) return folder;
    throw new CodedError(
      'store/corrupt',
      'The cached copy of this model is missing or damaged. Choose the files of the model again.',
    );
  }

  /** Writes a copy, unless there is one or another tab is writing it. Throws `store/quota` when there is not enough space. */
  async put(folder: ModelFolder, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { id, files, view } = folder;
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const what = `a copy of ${view.name}`;
    await withLock(id, () =>
      guarded(what, bytes, async () => {
        const root = await this.#folder();
        if ((await this.#manifest(root, id)) !== null) return;
        await deleteIncomplete(root, id);
        await ensureSpace(what, bytes);
        await write(root, { version: 1, id, name: view.name, bytes, files: sizesOf(files) }, files, options.signal);
      }),
    );
  }

  /**
   * Keeps a downloaded model: its files are moved from `folder`, where nothing is left of them. Does nothing when the model is kept
   * already. Throws `store/locked` while another tab writes it.
   */
  async adopt(
    model: ModelFolder,
    folder: FileSystemDirectoryHandle,
    { hub, id, commit, files }: Origin & { readonly files: readonly HashedFile[] },
  ): Promise<void> {
    const used = new Set(model.files.map(({ name }) => name));
    const kept = files.filter(({ path }) => used.has(path)).map(({ path, size, hash }) => ({ name: path, size, hash }));
    const bytes = kept.reduce((sum, { size }) => sum + size, 0);
    const manifest: Manifest = {
      version: 1,
      id: model.id,
      name: model.view.name,
      bytes,
      files: kept,
      origin: { hub, id, commit },
    };
    const done = await withLock(model.id, () =>
      guarded(`a copy of ${model.view.name}`, 0, async () => {
        const root = await this.#folder();
        if ((await this.#manifest(root, model.id)) !== null) return;
        await discard(root, model.id);
        const target = await root.getDirectoryHandle(model.id, { create: true });
        for (const { name } of kept) await move(folder, name, target);
        await writeFile(target, MANIFEST, new Blob([JSON.stringify(manifest)]));
      }),
    );
    if (!done) throw writing('wait until it has finished, then try again');
  }

  /** Reads all bytes of a cached model. Throws `store/corrupt` when there is none. */
  async verify(id: string): Promise<Verification> {
    const manifest = await guarded('a cached model', 0, async () => this.#manifest(await this.#folder(), id));
    if (manifest === null || manifest.files.some(({ hash }) => hash === undefined)) {
      await this.open(id);
      return { by: 'samples', damaged: [] };
    }
    return guarded('a cached model', 0, async () => {
      const folder = await (await this.#folder()).getDirectoryHandle(id);
      const damaged: string[] = [];
      for (const file of manifest.files) if (!(await isIntact(folder, file))) damaged.push(file.name);
      return { by: 'hashes', damaged };
    });
  }

  /** Deletes a cached model, complete or not. Throws `store/locked` while another tab writes it. */
  async delete(id: string): Promise<void> {
    const done = await withLock(id, () => guarded('a cached model', 0, async () => discard(await this.#folder(), id)));
    if (!done) throw writing('wait until it has finished, then delete the model');
  }

  async #folder(): Promise<FileSystemDirectoryHandle> {
    const storage = await navigator.storage.getDirectory();
    return storage.getDirectoryHandle(this.#root, { create: true });
  }

  async #manifest(root: FileSystemDirectoryHandle, id: string): Promise<Manifest | null> {
    const folder = await orNull(root.getDirectoryHandle(id));
    return folder === null ? null : readManifest(folder);
  }

  async #files(id: string): Promise<{ name: string; files: File[] } | null> {
    const root = await this.#folder();
    const manifest = await this.#manifest(root, id);
    if (manifest === null) return null;
    const folder = await root.getDirectoryHandle(id);
    const handles = await Promise.all(manifest.files.map(({ name }) => folder.getFileHandle(name)));
    return { name: manifest.name, files: await Promise.all(handles.map((handle) => handle.getFile())) };
  }
}

const cachedModel = ({ id, name, bytes, origin }: Manifest): CachedModel => ({
  ...{ id, name, bytes },
  ...(origin !== undefined && { origin }),
});

function writing(advice: string): CodedError {
  return new CodedError('store/locked', `Another tab is writing this model: ${advice}.`);
}

async function isIntact(folder: FileSystemDirectoryHandle, { name, size, hash }: KeptFile): Promise<boolean> {
  const file = await (await folder.getFileHandle(name)).getFile();
  if (hash === undefined || file.size !== size) return hash === undefined;
  const growing = growingHash(hash.kind, size);
  for await (const chunk of chunksOf(file)) growing.update(chunk);
  return growing.digest() === hash.value;
}

/** Browsers move files within the private file system without a copy; TypeScript does not know it yet. */
type Movable = FileSystemFileHandle & { readonly move?: (to: FileSystemDirectoryHandle, name: string) => Promise<void> };

async function move(from: FileSystemDirectoryHandle, name: string, to: FileSystemDirectoryHandle): Promise<void> {
  const handle: Movable = await from.getFileHandle(name);
  if (handle.move !== undefined) {
    await handle.move(to, name);
    return;
  }
  await writeFile(to, name, await handle.getFile());
  await from.removeEntry(name);
}

const sizesOf = (files: readonly File[]) => files.map(({ name, size }) => ({ name, size }));

/** Runs `work` with the model's lock; false when another tab or worker has it. */
async function withLock(id: string, work: () => Promise<void>): Promise<boolean> {
  return navigator.locks.request(`finetab:model:${id}`, { ifAvailable: true }, async (lock) => {
    if (lock !== null) await work();
    return lock !== null;
  });
}

/** The manifest of a complete model: all its files exist with the right size. Null otherwise. */
async function readManifest(folder: FileSystemDirectoryHandle): Promise<Manifest | null> {
  const handle = await orNull(folder.getFileHandle(MANIFEST));
  const manifest = handle === null ? null : parseManifest(await (await handle.getFile()).text());
  if (manifest === null || manifest.id !== folder.name) return null;
  for (const { name, size } of manifest.files) {
    const file = await orNull(folder.getFileHandle(name));
    if (file === null || (await file.getFile()).size !== size) return null;
  }
  return manifest;
}

/** Null when it was not written completely. */
function parseManifest(text: string): Manifest | null {
  try {
    const manifest = JSON.parse(text) as Partial<Manifest> | null;
    return manifest?.version === 1 && Array.isArray(manifest.files) ? (manifest as Manifest) : null;
  } catch {
    return null;
  }
}

/** Deletes incomplete models, unless another tab is writing them. The caller has the lock of `own`. */
async function deleteIncomplete(root: FileSystemDirectoryHandle, own: string): Promise<void> {
  for await (const [id, folder] of root.entries()) {
    if (folder instanceof FileSystemDirectoryHandle && (await readManifest(folder)) !== null) continue;
    if (id === own) await discard(root, id);
    else await withLock(id, () => discard(root, id));
  }
}

/** Deletes the manifest first, so that an interrupted deletion leaves no model. */
async function discard(root: FileSystemDirectoryHandle, id: string): Promise<void> {
  const folder = await orNull(root.getDirectoryHandle(id));
  if (folder === null) return;
  await orNull(folder.removeEntry(MANIFEST));
  await orNull(root.removeEntry(id, { recursive: true }));
}

async function write(
  root: FileSystemDirectoryHandle,
  manifest: Manifest,
  files: readonly File[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const folder = await root.getDirectoryHandle(manifest.id, { create: true });
  try {
    for (const file of files) await writeFile(folder, file.name, file, signal);
    await writeFile(folder, MANIFEST, new Blob([JSON.stringify(manifest)]), signal);
  } catch (error) {
    await discard(root, manifest.id).catch(() => undefined);
    throw error;
  }
}
