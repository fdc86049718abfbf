/** The models that were inspected in this worker. */

import { CodedError } from '../core/errors';
import { deleteDownload, openDownload, withDownload } from '../hub/downloads';
import type { ModelCache } from '../model/cache';
import { fetchFiles, openFolder, type ModelFolder } from '../model/folder';
import { teacherProblem } from './teacher';
import type { TeacherView } from './types';
import type { ModelSource, ModelView, Starter } from '../model/types';

interface Served {
  readonly name: string;
  /** In public/models, in the folder with the name of the starter. */
  readonly files: readonly string[];
}

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

const SERVED: Readonly<Record<Starter, Served>> = {
  starter: { name: 'Finetab starter', files: [...FILES, 'generation_config.json'] },
  'starter-encoder': { name: 'Finetab starter encoder', files: FILES },
};

/** The cached models; see src/model/cache.ts. */
export type Cached = Pick<ModelCache, 'list' | 'open' | 'adopt'>;

export class Folders {
  readonly #folders = new Map<string, ModelFolder>();
  /** Copies that `find` opened. */
  readonly #opened = new Map<string, ModelFolder>();
  readonly #cache: Cached;

  constructor(cache: Cached) {
    this.#cache = cache;
  }

  /** Opens configuration, weight headers and tokenizer. Throws `model/unsupported` with the name of what is not supported. */
  async inspect(source: ModelSource): Promise<ModelView> {
    const folder = await this.#open(source);
    this.#folders.set(folder.id, folder);
    return folder.view;
  }

  /** Keeps a complete download as a model of the cache, and inspects it. The download stays when its files are no model. */
  async takeDownload(key: string): Promise<ModelView> {
    const id = await withDownload(key, async () => {
      const { plan, folder, files } = await openDownload(key);
      const model = await openFolder(files, { name: plan.id });
      await this.#cache.adopt(model, folder, plan);
      return model.id;
    });
    await deleteDownload(key);
    return this.inspect({ kind: 'cached', id });
  }

  /** The inspected model with that id. Throws `train/state`. */
  get(id: string): ModelFolder {
    const folder = this.#folders.get(id);
    if (folder === undefined) throw new CodedError('train/state', 'Choose a model first.');
    return folder;
  }

  /** The model with that id: one that was inspected, or a copy in the browser's storage; null when there is neither. */
  async find(id: string): Promise<ModelFolder | null> {
    const folder = this.#folders.get(id);
    if (folder !== undefined) return folder;
    const cached = await this.#cache.list();
    const opened = cached.some((one) => one.id === id) ? (this.#opened.get(id) ?? (await this.#cache.open(id))) : null;
    if (opened === null) this.#opened.delete(id);
    else this.#opened.set(id, opened);
    return opened;
  }

  /** The models on this device, inspected or cached, as teachers of an inspected one; those that can't be read are left out. */
  async teachers(modelId: string): Promise<readonly TeacherView[]> {
    const student = this.get(modelId);
    const ids = new Set([...this.#folders.keys(), ...(await this.#cache.list()).map(({ id }) => id)]);
    const found = await Promise.all([...ids].map((id) => this.#teacher(student, id).catch(() => null)));
    return found.filter((view) => view !== null);
  }

  async #teacher(student: ModelFolder, id: string): Promise<TeacherView | null> {
    const folder = await this.find(id);
    if (folder === null) return null;
    const { name, bytes, parameters, writes, hasChatTemplate: chats } = folder.view;
    return { id, name, bytes, parameters, writes, chats, problem: teacherProblem(student, folder) };
  }

  /** The name of an inspected model; the id of one that was never inspected. */
  nameOf(id: string): string {
    return this.#folders.get(id)?.view.name ?? id;
  }

  async #open(source: ModelSource): Promise<ModelFolder> {
    if (source.kind === 'files') return openFolder(source.files);
    if (source.kind === 'cached') return this.#folders.get(source.id) ?? this.#cache.open(source.id);
    const { name, files } = SERVED[source.kind];
    const base = new URL(`../models/${source.kind}/`, self.location.href);
    return openFolder(await fetchFiles(base, files), { name });
  }
}
