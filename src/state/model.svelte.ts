/** The base model: which one is chosen, whether its weights are loaded, and which ones are kept in this browser. */

import { callback, trainClient, type WorkerClient } from '../client';
import type { LoadProgress, ModelSource, ModelView, TrainApi } from '../../workers/api';
import { device, type DeviceState } from './device.svelte';
import type { BasePrecision } from '../recipe/recipe';
import { failureOf, type Failure } from './failure';
import { recall, remember } from './storage';

type CachedModel = Awaited<ReturnType<TrainApi['cachedModels']>>[number];

export class ModelState {
  readonly #client: WorkerClient<TrainApi>;
  readonly #device: DeviceState;
  source = $state.raw<ModelSource>({ kind: 'starter' });
  view = $state.raw<ModelView | null>(null);
  failure = $state.raw<Failure | null>(null);
  inspecting = $state(false);
  /** Set while weights are loading. */
  progress = $state.raw<LoadProgress | null>(null);
  loaded = $state(false);
  cached = $state.raw<readonly CachedModel[]>([]);
  #turn = 0;
  #loading: { readonly precision: BasePrecision; readonly done: Promise<void> } | null = null;
  /** How the loaded weights are held. */
  #precision: BasePrecision = 'stored';
  #recalling: Promise<ModelView> | null = null;
  /** The worker that knows `view` has died. */
  #forgotten = false;

  constructor(client: WorkerClient<TrainApi>, deviceState: DeviceState) {
    this.#client = client;
    this.#device = deviceState;
    client.onDeath(() => this.#onDeath());
  }

  /** Chooses the model of the last visit, else the starter. */
  async restore(): Promise<void> {
    await this.refreshCached();
    const id = recall('model');
    const known = typeof id === 'string' && this.cached.some((model) => model.id === id);
    await this.choose(known ? { kind: 'cached', id } : { kind: 'starter' });
  }

  /** Reads config and headers of another model; the last choice wins. The choice before stays when this one can't be used. */
  async choose(source: ModelSource): Promise<void> {
    const turn = ++this.#turn;
    this.inspecting = true;
    this.failure = null;
    try {
      const view = await this.#client.call((api) => api.inspectModel(source));
      if (turn === this.#turn) this.#accept(source, view);
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error);
    } finally {
      if (turn === this.#turn) this.inspecting = false;
    }
  }

  /** Puts the weights on the device, held in `precision`, unless they are there. Throws coded errors. */
  async ensureLoaded(precision: BasePrecision): Promise<ModelView> {
    const view = await this.#known();
    if (this.loaded && this.#precision === precision) return view;
    if (this.#loading?.precision !== precision) this.#loading = { precision, done: this.#load(view.id, precision) };
    await this.#loading.done;
    return view;
  }

  async refreshCached(): Promise<void> {
    try {
      this.cached = await this.#client.call((api) => api.cachedModels());
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Deletes the kept copy of a model. */
  async forget(id: string): Promise<void> {
    try {
      await this.#client.call((api) => api.deleteModel(id));
    } catch (error) {
      this.failure = failureOf(error);
    }
    await this.refreshCached();
  }

  #accept(source: ModelSource, view: ModelView): void {
    if (view.id !== this.view?.id) this.loaded = false;
    this.source = source;
    this.view = view;
    this.#forgotten = false;
    remember('model', source.kind === 'starter' ? null : view.id);
  }

  /** The model as the worker of now knows it. */
  async #known(): Promise<ModelView> {
    await this.#device.ensureOpen();
    if (this.view !== null && !this.#forgotten) return this.view;
    return (this.#recalling ??= this.#inspectAgain().finally(() => (this.#recalling = null)));
  }

  async #inspectAgain(): Promise<ModelView> {
    const source = this.source;
    const view = await this.#client.call((api) => api.inspectModel(source));
    this.#accept(source, view);
    return view;
  }

  async #load(id: string, precision: BasePrecision): Promise<void> {
    try {
      await this.#client.call((api) =>
        api.loadModel(
          id,
          precision,
          callback((progress) => (this.progress = progress)),
        ),
      );
      this.loaded = this.view?.id === id;
      this.#precision = precision;
      await this.refreshCached();
    } finally {
      this.progress = null;
      this.#loading = null;
    }
  }

  #onDeath(): void {
    this.loaded = false;
    if (this.view === null) return;
    this.#forgotten = true;
    this.#known().catch((error: unknown) => (this.failure = failureOf(error)));
  }
}

export const model = new ModelState(trainClient, device);
