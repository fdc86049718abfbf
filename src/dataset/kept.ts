/**
 * Datasets in the browser's origin private file system (OPFS), for later visits. Each is a folder named by the hash of its content: its
 * files, a manifest that is written last and never again, so that a dataset exists when its manifest does, and a second file with what
 * changes: its name and how it was used last. The latter can be lost without the data.
 */

import { CodedError } from '../core/errors';
import { guarded, orNull, writeFile } from '../core/private-files';
import { ensureSpace } from '../core/storage';
import type { DataStepSettings } from '../recipe/data-steps';
import type { NamedMapping } from '../recipe/mapping';
import type { DataFile, DataTask, SplitName } from './types';

/** A file of a dataset, by its path where it was dropped. */
export type KeptFile = Omit<DataFile, 'refused'>;

/** How a dataset was used last. */
export interface DatasetUse {
  /** What the user calls it. */
  readonly name: string;
  readonly rows: number;
  readonly examples: number;
  readonly task: DataTask;
  /** Null: as the columns suggest. */
  readonly mapping: NamedMapping | null;
  readonly dataSteps: readonly DataStepSettings[];
  /** Milliseconds since 1970. */
  readonly usedAt: number;
}

export interface KeptDataset extends DatasetUse {
  /** SHA-256 of the content, hex. */
  readonly hash: string;
  readonly bytes: number;
  readonly files: number;
  /** Counts the contents that were kept under the name that its file has, from 1. */
  readonly version: number;
  readonly keptAt: number;
}

interface Manifest {
  readonly format: 1;
  readonly hash: string;
  readonly source: string;
  readonly version: number;
  readonly keptAt: number;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly split?: SplitName }[];
}

const MANIFEST = 'manifest.json';
const USE = 'use.json';
const fileName = (index: number): string => `file-${index}`;

export class KeptDatasets {
  readonly #root: string;

  /** In the folder `root` of the private file system. Opens nothing yet. */
  constructor(root = 'datasets') {
    this.#root = root;
  }

  /** Those that are complete, the one that was used last first. */
  list(): Promise<readonly KeptDataset[]> {
    return guarded('the list of kept data', 0, async () => {
      const found: KeptDataset[] = [];
      for await (const folder of foldersIn(await this.#folder())) {
        const manifest = await readManifest(folder);
        if (manifest !== null) found.push(await datasetOf(folder, manifest));
      }
      return found.sort((a, b) => b.usedAt - a.usedAt);
    });
  }

  /** Keeps the files of a dataset unless its content is kept already, and how it is used. Throws `store/quota` without enough space. */
  async keep(hash: string, files: readonly KeptFile[], use: DatasetUse): Promise<KeptDataset> {
    const bytes = bytesOf(files);
    const what = `a copy of ${use.name}`;
    await withLock(hash, () =>
      guarded(what, bytes, async () => {
        const root = await this.#folder();
        if ((await this.#manifest(hash)) !== null) return;
        await this.#deleteIncomplete(root, hash);
        await ensureSpace(what, bytes);
        await write(root, await this.#newManifest(hash, files), files);
      }),
    );
    await this.use(hash, use);
    const kept = (await this.list()).find((one) => one.hash === hash);
    if (kept === undefined) throw missing();
    return kept;
  }

  /** Remembers how a dataset is used; nothing when it is not kept. */
  use(hash: string, use: DatasetUse): Promise<void> {
    return guarded('how the data are used', 0, async () => {
      if ((await this.#manifest(hash)) === null) return;
      const folder = await (await this.#folder()).getDirectoryHandle(hash);
      await writeFile(folder, USE, new Blob([JSON.stringify(use)]));
    });
  }

  /** The files of a dataset. Throws `store/corrupt` when it is missing or incomplete. */
  open(hash: string): Promise<readonly KeptFile[]> {
    return guarded('kept data', 0, async () => {
      const manifest = await this.#manifest(hash);
      if (manifest === null) throw missing();
      const folder = await (await this.#folder()).getDirectoryHandle(hash);
      return Promise.all(
        manifest.files.map(async ({ path, split }, index) => {
          const file = await (await folder.getFileHandle(fileName(index))).getFile();
          const named = new File([file], path.split('/').at(-1) ?? path);
          return { path, file: named, ...(split !== undefined && { split }) };
        }),
      );
    });
  }

  /** Deletes a dataset, complete or not. Throws `store/locked` while another tab writes it. */
  async delete(hash: string): Promise<void> {
    const done = await withLock(hash, () => guarded('kept data', 0, async () => discard(await this.#folder(), hash)));
    if (!done) {
      throw new CodedError('store/locked', 'Another tab is writing this dataset: wait until it has finished, then delete it.');
    }
  }

  async #folder(): Promise<FileSystemDirectoryHandle> {
    return (await navigator.storage.getDirectory()).getDirectoryHandle(this.#root, { create: true });
  }

  async #manifest(hash: string): Promise<Manifest | null> {
    const folder = await orNull((await this.#folder()).getDirectoryHandle(hash));
    return folder === null ? null : readManifest(folder);
  }

  /** A file of a known name with other content is a new version of it. */
  async #newManifest(hash: string, files: readonly KeptFile[]): Promise<Manifest> {
    const source = files.map(({ path }) => path).join('\n');
    let version = 1;
    for await (const folder of foldersIn(await this.#folder())) {
      const other = await readManifest(folder);
      if (other?.source === source) version = Math.max(version, other.version + 1);
    }
    const listed = files.map(({ path, file, split }) => ({ path, bytes: file.size, ...(split !== undefined && { split }) }));
    return { format: 1, hash, source, version, keptAt: Date.now(), files: listed };
  }

  /** Deletes incomplete datasets, unless another tab is writing them. The caller has the lock of `own`. */
  async #deleteIncomplete(root: FileSystemDirectoryHandle, own: string): Promise<void> {
    for await (const folder of foldersIn(root)) {
      if ((await readManifest(folder)) !== null) continue;
      if (folder.name === own) await discard(root, own);
      else await withLock(folder.name, () => discard(root, folder.name));
    }
  }
}

const bytesOf = (files: readonly KeptFile[]): number => files.reduce((sum, { file }) => sum + file.size, 0);

function missing(): CodedError {
  return new CodedError('store/corrupt', 'This dataset is no longer kept in this browser. Open its file again.');
}

async function* foldersIn(root: FileSystemDirectoryHandle): AsyncGenerator<FileSystemDirectoryHandle> {
  for await (const [, folder] of root.entries()) if (folder instanceof FileSystemDirectoryHandle) yield folder;
}

/** The manifest of a complete dataset: all its files exist with the right size. Null otherwise. */
async function readManifest(folder: FileSystemDirectoryHandle): Promise<Manifest | null> {
  const manifest = await readJson(folder, MANIFEST);
  if (!isManifest(manifest) || manifest.hash !== folder.name) return null;
  for (const [index, { bytes }] of manifest.files.entries()) {
    const file = await orNull(folder.getFileHandle(fileName(index)));
    if (file === null || (await file.getFile()).size !== bytes) return null;
  }
  return manifest;
}

const isManifest = (value: unknown): value is Manifest =>
  typeof value === 'object' &&
  value !== null &&
  'format' in value &&
  value.format === 1 &&
  'files' in value &&
  Array.isArray(value.files) &&
  'hash' in value;

/** Null when the file is missing or was not written completely. */
async function readJson(folder: FileSystemDirectoryHandle, name: string): Promise<unknown> {
  const handle = await orNull(folder.getFileHandle(name));
  try {
    return handle === null ? null : (JSON.parse(await (await handle.getFile()).text()) as unknown);
  } catch {
    return null;
  }
}

async function datasetOf(folder: FileSystemDirectoryHandle, manifest: Manifest): Promise<KeptDataset> {
  const { hash, version, keptAt, files } = manifest;
  const use = (await readJson(folder, USE)) as Partial<DatasetUse> | null;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const unknown: DatasetUse = {
    ...{ name: files[0]?.path ?? hash, rows: 0, examples: 0, task: 'text', mapping: null, dataSteps: [], usedAt: keptAt },
  };
  return { ...unknown, ...use, hash, bytes, files: files.length, version, keptAt };
}

async function write(root: FileSystemDirectoryHandle, manifest: Manifest, files: readonly KeptFile[]): Promise<void> {
  const folder = await root.getDirectoryHandle(manifest.hash, { create: true });
  try {
    for (const [index, { file }] of files.entries()) await writeFile(folder, fileName(index), file);
    await writeFile(folder, MANIFEST, new Blob([JSON.stringify(manifest)]));
  } catch (error) {
    await discard(root, manifest.hash).catch(() => undefined);
    throw error;
  }
}

/** Deletes the manifest first, so that an interrupted deletion leaves no dataset. */
async function discard(root: FileSystemDirectoryHandle, hash: string): Promise<void> {
  const folder = await orNull(root.getDirectoryHandle(hash));
  if (folder === null) return;
  await orNull(folder.removeEntry(MANIFEST));
  await orNull(root.removeEntry(hash, { recursive: true }));
}

/** Runs `work` with the dataset's lock; false when another tab or worker has it. */
async function withLock(hash: string, work: () => Promise<void>): Promise<boolean> {
  return navigator.locks.request(`finetab:dataset:${hash}`, { ifAvailable: true }, async (lock) => {
    if (lock !== null) await work();
    return lock !== null;
  });
}
