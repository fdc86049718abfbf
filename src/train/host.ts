/** The device and the model on it. Changes of either are jobs, which wait for one another. */

import { CodedError } from '../core/errors';
import type { LoadProgress } from '../model/types';
import type { BasePrecision } from '../recipe/recipe';
import { openEngine, type Engine } from './engine';
import type { Jobs } from './jobs';
import { LoadedModel } from './loaded';
import type { Models } from './models';
import type { DeviceOptions, ExecutorKind } from './types';

/** Which model is to be on the device, and how. */
interface Wanted {
  readonly id: string;
  readonly precision: BasePrecision;
}

export class Host {
  readonly #jobs: Jobs;
  readonly #models: Models;
  #choice: 'auto' | ExecutorKind = 'auto';
  #options: DeviceOptions = {};
  #engine: Promise<Engine> | null = null;
  #model: LoadedModel | null = null;
  /** Survives the loss of the device: the model is loaded again when it is next needed. */
  #wanted: Wanted | null = null;

  constructor(jobs: Jobs, models: Models) {
    this.#jobs = jobs;
    this.#models = models;
  }

  /** The model on the device now; null when there is none. */
  get loaded(): LoadedModel | null {
    return this.#model;
  }

  /** Opens a device and forgets the model. Answers in progress are cancelled. */
  openDevice(choice: 'auto' | ExecutorKind, options: DeviceOptions): Promise<Engine> {
    return this.#jobs.run('device', choice, async () => {
      await this.#unload();
      const before = await this.#engine?.catch(() => null);
      [this.#choice, this.#options, this.#wanted, this.#engine] = [choice, options, null, null];
      before?.device?.gpu.destroy();
      return this.engine();
    });
  }

  /** The open device. Opens one if none is open; one of the same kind if it was lost. */
  async engine(): Promise<Engine> {
    const opening = (this.#engine ??= openEngine(this.#choice, this.#options));
    const forget = () => {
      if (this.#engine === opening) this.#engine = null;
    };
    const engine = await opening.catch((error: unknown) => {
      forget();
      throw error;
    });
    if (engine.loss.error === null) return engine;
    this.#choice = engine.view.executor;
    forget();
    return this.engine();
  }

  /**
   * After the driver refused one of our kernels: selects tfjs's kernels on the same GPU; the model is loaded again when it is next needed.
   * False when our kernels were not in use or were chosen explicitly, or the device was lost.
   */
  useTfjsKernels(): Promise<boolean> {
    return this.#jobs.run('model', '', async () => {
      const engine = await this.#engine?.catch(() => null);
      if (this.#choice !== 'auto' || engine?.view.executor !== 'webgpu' || engine.loss.error !== null) return false;
      await this.#unload();
      engine.device?.gpu.destroy();
      [this.#choice, this.#engine] = ['tfjs-webgpu', null];
      return true;
    });
  }

  /** Loads a model that was inspected, unless it is loaded. Answers in progress are cancelled. */
  loadModel(id: string, precision: BasePrecision, onProgress: (progress: LoadProgress) => void): Promise<LoadedModel> {
    return this.#jobs.run('load', id, async () => {
      await this.#dropLost();
      if (this.#model?.view.id === id && this.#model.precision === precision) return this.#model;
      this.#models.get(id);
      await this.#unload();
      this.#wanted = null;
      const model = await this.#load({ id, precision }, onProgress);
      this.#wanted = { id, precision };
      return model;
    });
  }

  /** The loaded model. When its device was lost, both are opened again. Throws `train/state` when no model was loaded. */
  model(): Promise<LoadedModel> {
    return this.#jobs.run('model', '', async () => {
      await this.#dropLost();
      if (this.#model !== null) return this.#model;
      if (this.#wanted === null) throw new CodedError('train/state', 'Load a model first.');
      return this.#load(this.#wanted, () => undefined);
    });
  }

  async #load({ id, precision }: Wanted, onProgress: (progress: LoadProgress) => void): Promise<LoadedModel> {
    const engine = await this.engine();
    return (this.#model = await LoadedModel.load(engine, this.#models.get(id), precision, onProgress));
  }

  async #dropLost(): Promise<void> {
    if (this.#model !== null && this.#model.engine.loss.error !== null) await this.#unload();
  }

  async #unload(): Promise<void> {
    const model = this.#model;
    this.#model = null;
    await model?.dispose();
  }
}
