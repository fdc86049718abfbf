/** The models that are known, and the one on the device. Changes are jobs, which wait for one another. */

import { CodedError } from '../core/errors';
import type { ModelCache } from '../model/cache';
import type { ModelFolder } from '../model/folder';
import type { LoadProgress } from '../model/types';
import type { StreamOptions } from '../model/weights-source';
import { needsTeacher } from '../recipe/objectives';
import type { BasePrecision, Recipe } from '../recipe/recipe';
import type { TrainDevice } from './device';
import type { Engine } from './engine';
import { checkFits } from './fits';
import { Folders } from './folders';
import { throwIfCancelled, type Jobs } from './jobs';
import { LoadedModel } from './loaded';
import { teacherProblem, type FoundTeacher } from './teacher';
import type { DeviceOptions, DeviceView, ExecutorKind, TeacherChoice } from './types';

/** What a run says of its teacher: the setup of a new one, or the record. */
interface Taught {
  readonly recipe: Recipe;
  readonly teacher?: (TeacherChoice & { readonly name?: string }) | undefined;
}

/** Which model is to be on the device, and how. */
interface Wanted {
  readonly id: string;
  readonly precision: BasePrecision;
}

export class Models {
  readonly folders: Folders;
  readonly #jobs: Jobs;
  readonly #device: TrainDevice;
  readonly #cache: ModelCache;
  #loaded: LoadedModel | null = null;
  /** Survives the loss of the device: the model is loaded again when it is next needed. */
  #wanted: Wanted | null = null;
  /** Failures to store copies that were not reported yet. */
  readonly #failures: unknown[] = [];

  constructor(jobs: Jobs, device: TrainDevice, cache: ModelCache) {
    this.folders = new Folders(cache);
    this.#jobs = jobs;
    this.#device = device;
    this.#cache = cache;
  }

  /** The model on the device now; null when there is none. */
  get loaded(): LoadedModel | null {
    return this.#loaded;
  }

  /** Opens a device and forgets the model. Answers in progress are cancelled. */
  openDevice(choice: 'auto' | ExecutorKind, options: DeviceOptions): Promise<DeviceView> {
    return this.#jobs.run('device', choice, async () => {
      await this.#unload();
      this.#wanted = null;
      return this.#device.open(choice, options);
    });
  }

  /**
   * Loads a model that was inspected, unless it is loaded, and stores a copy. Answers in progress are cancelled. During a run it may be
   * called for the model of the run. Throws `train/cancelled` after `cancelLoad`: then neither a part of the model nor of a copy stays.
   */
  async load(id: string, precision: BasePrecision, onProgress: (progress: LoadProgress) => void): Promise<void> {
    const wanted = { id, precision };
    if (this.#jobs.refusal('load', id) !== null && this.#has(wanted)) return;
    const cancelled = `Loading ${this.folders.nameOf(id)} was cancelled.`;
    await this.#jobs.run('load', id, async ({ signal }) => {
      throwIfCancelled(signal, cancelled);
      await this.#dropLost();
      if (this.#has(wanted)) return;
      this.folders.get(id);
      await this.#unload();
      this.#wanted = null;
      await this.#load(wanted, { onProgress, signal }).catch((error: unknown) => {
        throwIfCancelled(signal, cancelled);
        throw error;
      });
      this.#wanted = wanted;
    });
    await this.#jobs.run('copy', id, async ({ signal }) => {
      await this.keep(this.folders.get(id), signal);
      throwIfCancelled(signal, cancelled);
    });
  }

  /** Ends the loads that were called before, also those that wait. */
  cancelLoad(): void {
    for (const kind of ['load', 'copy'] as const) this.#jobs.end(kind, 'cancel');
  }

  /**
   * The teacher of a run with the model `student`; null when the objective needs none, or none was chosen. Throws `train/state` when it
   * is not on this device, `model/too-large`, or `recipe/invalid` when its tokens are not those of the student.
   */
  async teacher({ recipe, teacher }: Taught, student: ModelFolder, engine: Engine): Promise<FoundTeacher | null> {
    if (!needsTeacher(recipe.objective) || teacher === undefined) return null;
    const folder = await this.folders.find(teacher.modelId);
    if (folder === null) throw missingTeacher(teacher);
    const problem = teacherProblem(student, folder);
    if (problem !== null) throw new CodedError('recipe/invalid', problem, [{ where: 'objective.kind', message: problem }]);
    checkFits(folder, engine);
    return { folder, precision: teacher.precision };
  }

  /** Stores a copy of a model, so that its runs can be resumed after a reload. With a signal that is aborted nothing is stored. */
  async keep(folder: ModelFolder, signal?: AbortSignal): Promise<void> {
    if (folder.view.cached) return;
    await this.#cache.put(folder, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      // The copy is optional: when the disk is full the model can still be used. The next run reports the failure.
      if (signal?.aborted !== true) this.#failures.push(error);
    });
  }

  /** The loaded model. When its device was lost, both are opened again. Throws `train/state` when no model was loaded. */
  model(): Promise<LoadedModel> {
    return this.#jobs.run('model', '', async () => {
      await this.#dropLost();
      if (this.#loaded !== null) return this.#loaded;
      if (this.#wanted === null) throw new CodedError('train/state', 'Load a model first.');
      return this.#load(this.#wanted);
    });
  }

  /**
   * After the driver refused one of our kernels: selects tfjs's kernels on the same GPU; the model is loaded again when it is next needed.
   * False when our kernels were not in use or were chosen explicitly, or the device was lost.
   */
  useTfjsKernels(): Promise<boolean> {
    return this.#jobs.run('model', '', async () => {
      if (!(await this.#device.mayUseTfjs())) return false;
      await this.#unload();
      await this.#device.useTfjs();
      return true;
    });
  }

  /** The failures to store copies since the last call. */
  takeFailures(): readonly unknown[] {
    return this.#failures.splice(0);
  }

  #has({ id, precision }: Wanted): boolean {
    const model = this.#loaded;
    return model !== null && model.view.id === id && model.precision === precision && model.engine.loss.error === null;
  }

  async #load({ id, precision }: Wanted, options: StreamOptions = {}): Promise<LoadedModel> {
    const engine = await this.#device.engine();
    return (this.#loaded = await LoadedModel.load(engine, this.folders.get(id), precision, options));
  }

  async #dropLost(): Promise<void> {
    if (this.#loaded !== null && this.#loaded.engine.loss.error !== null) await this.#unload();
  }

  async #unload(): Promise<void> {
    const model = this.#loaded;
    this.#loaded = null;
    await model?.dispose();
  }
}

function missingTeacher({ modelId, name = `the model ${modelId.slice(0, 8)}` }: NonNullable<Taught['teacher']>): CodedError {
  return new CodedError(
    'train/state',
    `The run learns from ${name}, which is not on this device. Choose its files as the teacher in the Recipe stage, then try again.`,
  );
}
