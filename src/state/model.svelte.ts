/** The base model: which one is chosen, whether its weights are loaded, and which ones are kept in this browser. */

import { callback, trainClient, type WorkerClient } from '../client';
import type { CachedModel, LoadProgress, ModelSource, ModelView, Starter, TrainApi, Verification } from '../../workers/api';
import { CodedError } from '../core/errors';
import { handled } from '../core/promises';
import type { BasePrecision } from '../recipe/recipe';
import { device, type DeviceState } from './device.svelte';
import { failureOf, type Failure } from './failure';
import { space } from './space.svelte';
import { recall, remember } from './storage';

/** A model, and where its files are. */
export interface Chosen {
  readonly source: ModelSource;
  readonly view: ModelView;
}

/** Weights on the device. */
interface Held {
  readonly id: string;
  readonly precision: BasePrecision;
}

const STARTER: ModelSource = { kind: 'starter' };
const STARTERS = Object.keys({ starter: true, 'starter-encoder': true } satisfies Record<Starter, true>) as readonly Starter[];

/** The model comes with the page. */
export function isStarter(source: ModelSource): source is { readonly kind: Starter } {
  return STARTERS.some((kind) => kind === source.kind);
}

export class ModelState {
  readonly #client: WorkerClient<TrainApi>;
  readonly #device: DeviceState;
  chosen = $state.raw<Chosen | null>(null);
  failure = $state.raw<Failure | null>(null);
  inspecting = $state(false);
  /** Set while weights are loading. */
  progress = $state.raw<LoadProgress | null>(null);
  cached = $state.raw<readonly CachedModel[]>([]);
  #held = $state.raw<Held | null>(null);
  readonly view = $derived(this.chosen?.view ?? null);
  readonly source = $derived(this.chosen?.source ?? STARTER);
  /** The weights of the chosen model are on the device. */
  readonly loaded = $derived(this.#held !== null && this.#held.id === this.view?.id);
  #turn = 0;
  /** The newest choice, which may still be read. */
  #asked: ModelSource = STARTER;
  /** Resolves when the model of the last visit is chosen. */
  #restoring: Promise<void> = Promise.resolve();
  #loading: { readonly what: Held; readonly done: Promise<void> } | null = null;
  /** Ids of the models that the living worker has inspected. */
  #inspected: readonly string[] = [];
  /** The models that were inspected since the page was opened. */
  #seen: readonly Chosen[] = [];

  constructor(client: WorkerClient<TrainApi>, deviceState: DeviceState) {
    this.#client = client;
    this.#device = deviceState;
    client.onDeath(() => this.#onDeath());
  }

  /** Chooses the model of the last visit, else the starter, unless one was chosen meanwhile. */
  restore(): Promise<void> {
    this.#restoring = this.#restore();
    return this.#restoring;
  }

  async #restore(): Promise<void> {
    const turn = this.#turn;
    await this.refreshCached();
    if (turn !== this.#turn) return;
    const id = recall('model');
    const known = typeof id === 'string' && this.cached.some((model) => model.id === id);
    const starter = STARTERS.find((kind) => kind === id) ?? 'starter';
    await this.#choose(known ? { kind: 'cached', id } : { kind: starter });
  }

  /** Reads config and headers of another model; the newest choice wins. The present one stays when this one can't be used. */
  async choose(source: ModelSource): Promise<void> {
    const chosen = await this.#choose(source);
    if (chosen !== null) remember('model', isStarter(source) ? source.kind : chosen.view.id);
  }

  /** Chooses the starter `kind` in place of another starter; a model of the user's stays, also one that is still being restored. */
  async chooseStarter(kind: Starter): Promise<void> {
    await this.#restoring;
    const newest = this.inspecting ? this.#asked : this.source;
    if (isStarter(newest) && newest.kind !== kind) await this.choose({ kind });
  }

  /** The starter that writes texts. */
  starter(): Promise<Chosen> {
    return this.#found(STARTER);
  }

  /** The model `id` if it is the chosen one, kept in this browser, or a starter; else null. The choice stays as it is. */
  async find(id: string): Promise<Chosen | null> {
    if (this.chosen?.view.id === id) return this.chosen;
    await this.refreshCached();
    if (this.cached.some((one) => one.id === id)) return this.#found({ kind: 'cached', id });
    for (const kind of STARTERS) {
      const found = await this.#found({ kind });
      if (found.view.id === id) return found;
    }
    return null;
  }

  /** Like `find`; also a model that was chosen earlier in this visit and is not kept. */
  async findSeen(id: string): Promise<Chosen | null> {
    return (await this.find(id)) ?? this.#seen.findLast(({ view }) => view.id === id) ?? null;
  }

  /**
   * Puts the weights of `chosen` on the device in `precision`, unless they are there. Throws coded errors. A caller that waited
   * since it took `model.chosen` still gets that model, not one that was chosen later. One model is on the device at a time: the newest
   * call wins, and those that wait for another model or precision get `train/cancelled`. A `signal` that is aborted keeps a load
   * from beginning; `cancelLoad` ends it.
   */
  async ensureLoaded(chosen: Chosen | null, precision: BasePrecision, signal?: AbortSignal): Promise<void> {
    if (chosen === null) throw new CodedError('train/state', 'No model is chosen. Choose one in the Model stage.');
    await this.#device.ensureOpen();
    await this.#introduce(chosen);
    signal?.throwIfAborted();
    const what = { id: chosen.view.id, precision };
    if (isSame(this.#held, what)) return;
    if (!isSame(this.#loading?.what ?? null, what)) {
      void handled(this.cancelLoad());
      this.#loading = { what, done: this.#load(what) };
    }
    await this.#loading?.done;
  }

  /** Ends the load under way: whoever waits for it gets `train/cancelled`. */
  async cancelLoad(): Promise<void> {
    if (this.#loading === null) return;
    this.#loading = this.progress = null;
    await this.#client.call((api) => api.cancelLoad());
  }

  async refreshCached(): Promise<void> {
    try {
      this.cached = await this.#client.call((api) => api.cachedModels());
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Keeps a complete download, and chooses it. Throws coded errors. */
  async takeDownload(key: string): Promise<void> {
    const { id } = await this.#client.call((api) => api.takeDownload(key));
    await this.refreshCached();
    await this.choose({ kind: 'cached', id });
  }

  /** Compares the kept copy of a model with its hashes; null when it could not be read. */
  async verify(id: string): Promise<Verification | null> {
    try {
      return await this.#client.call((api) => api.verifyModel(id));
    } catch (error) {
      this.failure = failureOf(error);
      return null;
    }
  }

  /** Deletes the kept copy of a model. */
  async forget(id: string): Promise<void> {
    const bytes = this.cached.find((model) => model.id === id)?.bytes ?? 0;
    try {
      await this.#client.call((api) => api.deleteModel(id));
      await space.release(bytes);
    } catch (error) {
      this.failure = failureOf(error);
    }
    await this.refreshCached();
  }

  /** The new choice, or null when it was refused or another choice came after it. */
  async #choose(source: ModelSource): Promise<Chosen | null> {
    const turn = ++this.#turn;
    this.#asked = source;
    this.inspecting = true;
    this.failure = null;
    try {
      const view = await this.#inspect(source);
      if (turn !== this.#turn) return null;
      this.chosen = { source, view };
      return this.chosen;
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error);
      return null;
    } finally {
      if (turn === this.#turn) this.inspecting = false;
    }
  }

  async #found(source: ModelSource): Promise<Chosen> {
    return { source, view: await this.#inspect(source) };
  }

  async #inspect(source: ModelSource): Promise<ModelView> {
    const view = await this.#client.call((api) => api.inspectModel(source));
    this.#inspected = [...this.#inspected, view.id];
    this.#seen = [...this.#seen.filter((one) => one.view.id !== view.id), { source, view }];
    return view;
  }

  /** Lets the living worker inspect the model if only one that died has. */
  async #introduce({ source, view }: Chosen): Promise<void> {
    if (this.#inspected.includes(view.id)) return;
    const { id } = await this.#inspect(source);
    if (id !== view.id) throw new CodedError('model/files', `The files of ${view.name} have changed. Choose the model again.`);
  }

  async #load(what: Held): Promise<void> {
    this.#held = null;
    try {
      const onProgress = callback((progress: LoadProgress) => {
        if (this.#loading?.what === what) this.progress = progress;
      });
      await this.#client.call((api) => api.loadModel(what.id, what.precision, onProgress));
      if (this.#loading?.what === what) this.#held = what;
      await this.refreshCached();
    } finally {
      if (this.#loading?.what === what) this.#loading = this.progress = null;
    }
  }

  #onDeath(): void {
    this.#held = null;
    this.#inspected = [];
    if (this.chosen === null) return;
    const turn = this.#turn;
    // Nothing is to ask the next worker about the model before that worker knows it.
    this.inspecting = true;
    this.#introduce(this.chosen)
      .catch((error: unknown) => (this.failure = failureOf(error)))
      .finally(() => {
        if (turn === this.#turn) this.inspecting = false;
      });
  }
}

function isSame(one: Held | null, other: Held): boolean {
  return one?.id === other.id && one.precision === other.precision;
}

export const model = new ModelState(trainClient, device);
