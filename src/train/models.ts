/** The models that were inspected in this worker. */

import { CodedError } from '../core/errors';
import { fetchFiles, openFolder, type ModelFolder } from '../model/folder';
import type { ModelSource, ModelView } from '../model/types';

/** Files of the starter model, served with the page. */
const STARTER = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

/** Opens a cached model; see src/model/cache.ts. */
export type OpenCached = (id: string) => Promise<ModelFolder>;

export class Models {
  readonly #folders = new Map<string, ModelFolder>();
  readonly #openCached: OpenCached;

  constructor(openCached: OpenCached) {
    this.#openCached = openCached;
  }

  /** Opens configuration, weight headers and tokenizer. Throws `model/unsupported` with the name of what is not supported. */
  async inspect(source: ModelSource): Promise<ModelView> {
    const folder = await this.#open(source);
    this.#folders.set(folder.id, folder);
    return folder.view;
  }

  /** The inspected model with that id. Throws `train/state`. */
  get(id: string): ModelFolder {
    const folder = this.#folders.get(id);
    if (folder === undefined) throw new CodedError('train/state', 'Choose a model first.');
    return folder;
  }

  /** The name of an inspected model; the id of one that was never inspected. */
  nameOf(id: string): string {
    return this.#folders.get(id)?.view.name ?? id;
  }

  async #open(source: ModelSource): Promise<ModelFolder> {
    if (source.kind === 'files') return openFolder(source.files);
    if (source.kind === 'cached') return this.#folders.get(source.id) ?? this.#openCached(source.id);
    const base = new URL('../models/starter/', self.location.href);
    return openFolder(await fetchFiles(base, STARTER), { name: 'Finetab starter' });
  }
}
