/** Runs: started, resumed, stopped, listed. One at a time, in all tabs together. */

import type { Tuning } from '../method/method';
import type { EncodedDataset } from '../batch/types';
import type { RunStore } from '../checkpoint/types';
import { CodedError, codeOf, messageOf } from '../core/errors';
import type { Recipe } from '../recipe/recipe';
import type { Engine } from './engine';
import { checkRecipe } from './check-recipe';
import type { Host } from './host';
import { jobOf, slotsOf } from './job';
import type { LoadedModel } from './loaded';
import type { Models } from './models';
import { newRecord, rewind, viewOf, type StartingPoint } from './records';
import { RunRecorder } from './recorder';
import { Run } from './run';
import type { StopRequest } from './trainer';
import type { Tuner } from './tune';
import type { RunSetup, RunView, TrainEvent } from './types';

/** Losses of the device after which a run that makes no progress is given up. */
const MAX_LOSSES = 3;

/** A run from the call of `start` or `resume` until that call resolves, through losses of the device. */
interface Job {
  readonly runId: string;
  readonly onEvent: (event: TrainEvent) => void;
  request: StopRequest;
  run: Run | null;
}

interface RunsContext {
  readonly host: Host;
  readonly models: Models;
  readonly store: Promise<RunStore>;
  tunerOf(engine: Engine): Tuner | null;
  /** Failures since the last run that were not reported yet. */
  takeWarnings(): readonly unknown[];
}

export class Runs {
  readonly #context: RunsContext;
  #job: Job | null = null;

  constructor(context: RunsContext) {
    this.#context = context;
  }

  /** Throws `train/state` with `message` from the call of `start` on until the run ended. */
  refuseDuringRun(message: string): void {
    if (this.#job !== null) throw new CodedError('train/state', message);
  }

  get active(): boolean {
    return this.#job !== null;
  }

  isActive(runId: string): boolean {
    return this.#job?.runId === runId;
  }

  /** What that run trains; null when the run is not on the device. */
  tuningOf(runId: string): Tuning | null {
    return this.#job?.runId === runId ? (this.#job.run?.tuning ?? null) : null;
  }

  start(setup: RunSetup, onEvent: (event: TrainEvent) => void): Promise<RunView> {
    return this.#work(crypto.randomUUID(), onEvent, async (job, store) => {
      const model = await this.#context.host.model();
      this.#checkModel(model, setup.modelId, 'start again');
      checkRecipe(model.config, setup.recipe);
      checkPrecision(model, setup.recipe);
      jobOf(setup.recipe, slotsOf(setup.dataset, setup.recipe, model.config), model.config);
      return this.#alone(job, store, async () => {
        const record = newRecord(job.runId, setup, model);
        await store.putDataset(setup.dataset);
        await store.putRun(record);
        return this.#train(job, store, setup.dataset, { record, snapshot: null, seconds: 0 });
      });
    });
  }

  resume(runId: string, onEvent: (event: TrainEvent) => void): Promise<RunView> {
    return this.#work(runId, onEvent, async (job, store) => {
      const [stored, model] = await Promise.all([store.run(runId), this.#context.host.model()]);
      this.#checkModel(model, stored.modelId, 'resume again');
      checkPrecision(model, stored.recipe);
      return this.#alone(job, store, async () => {
        const dataset = await store.dataset(stored.datasetHash);
        return this.#train(job, store, dataset, await rewind(store, runId, onEvent));
      });
    });
  }

  /** Asks the run to end, whatever it does now. The last request counts. */
  end(request: Exclude<StopRequest, 'none'>): void {
    if (this.#job !== null) this.#job.request = request;
  }

  async list(): Promise<readonly RunView[]> {
    const stored = await (await this.#context.store).runs();
    return stored.map((run) => viewOf(run, this.isActive(run.id))).sort((a, b) => b.createdAt - a.createdAt);
  }

  /** Id of the run that another worker trains; null when none does. */
  async elsewhere(): Promise<string | null> {
    const training = await (await this.#context.store).training();
    return training !== null && this.isActive(training) ? null : training;
  }

  /** Reserves the worker for a run before anything is awaited: two quick calls start one run. */
  async #work(
    runId: string,
    onEvent: (event: TrainEvent) => void,
    work: (job: Job, store: RunStore) => Promise<RunView>,
  ): Promise<RunView> {
    this.refuseDuringRun('A run is in progress: pause or stop it first.');
    const job: Job = { runId, onEvent, request: 'none', run: null };
    this.#job = job;
    try {
      return await work(job, await this.#context.store);
    } finally {
      this.#job = null;
    }
  }

  /** Holds the locks of all training and of the run during `work`. */
  async #alone(job: Job, store: RunStore, work: () => Promise<RunView>): Promise<RunView> {
    const unlockTraining = await store.lockTraining(job.runId);
    try {
      const unlock = await store.lock(job.runId);
      return await work().finally(unlock);
    } finally {
      unlockTraining();
    }
  }

  /**
   * Trains to the end or a stop request. Continues from the newest checkpoint after a loss of the device, and with tfjs's kernels after the
   * driver refused one of ours.
   */
  async #train(job: Job, store: RunStore, dataset: EncodedDataset, from: StartingPoint): Promise<RunView> {
    for (const error of this.#context.takeWarnings()) job.onEvent(noticeOf(error));
    let start = from;
    let losses = 0;
    for (;;) {
      try {
        return await this.#attempt(job, store, dataset, start);
      } catch (error) {
        if (codeOf(error) === 'gpu/shader' && (await this.#context.host.useTfjsKernels())) {
          await store.updateRun(job.runId, { executor: 'tfjs-webgpu' });
          start = await rewind(store, job.runId, job.onEvent);
          job.onEvent(otherKernels(error));
          continue;
        }
        if (codeOf(error) !== 'gpu/lost') throw error;
        const { step } = start.record;
        start = await rewind(store, job.runId, job.onEvent);
        losses = start.record.step > step ? 1 : losses + 1;
        if (losses === MAX_LOSSES) {
          await new RunRecorder(store, start.record, job.onEvent).update({ status: 'paused' });
          throw givenUp(error);
        }
        job.onEvent(recovering(error));
      }
    }
  }

  async #attempt(job: Job, store: RunStore, dataset: EncodedDataset, start: StartingPoint): Promise<RunView> {
    const recorder = new RunRecorder(store, start.record, job.onEvent);
    const stopRequest = () => job.request;
    const model = stopRequest() === 'none' ? await this.#context.host.model() : null;
    const request = stopRequest();
    if (model === null || request !== 'none') return recorder.finish(request === 'pause' ? 'paused' : 'stopped');
    const tune = this.#context.tunerOf(model.engine);
    job.run = new Run({ model, store, recorder, tune, stopRequest }, dataset);
    try {
      return await job.run.go(start.snapshot, start.seconds);
    } finally {
      job.run = null;
    }
  }

  #checkModel({ view }: LoadedModel, expected: string, then: string): void {
    if (view.id === expected) return;
    const name = this.#context.models.nameOf(expected);
    throw new CodedError('train/state', `The run needs ${name}, but ${view.name} is loaded. Load ${name}, then ${then}.`);
  }
}

/** A run trains on weights in its recipe's precision, also when it is resumed. */
function checkPrecision({ view, precision }: LoadedModel, { basePrecision }: Recipe): void {
  if (precision === basePrecision) return;
  throw new CodedError(
    'train/state',
    `This run needs the weights of ${view.name} in ${basePrecision}; they are loaded in ${precision}. Load the model again.`,
  );
}

function otherKernels(error: unknown): TrainEvent {
  const message = `${messageOf(error)} The run continues with the kernels of TensorFlow.js's WebGPU backend, slower.`;
  return { type: 'notice', code: 'gpu/shader', message };
}

function recovering(error: unknown): TrainEvent {
  const message = `${messageOf(error)} A new device is requested, and the run continues from its newest checkpoint.`;
  return { type: 'notice', code: 'gpu/lost', message };
}

function givenUp(error: unknown): CodedError {
  return new CodedError(
    'gpu/lost',
    `${messageOf(error)} This happened ${MAX_LOSSES} times without a new checkpoint. Update the GPU driver, close other programs that use the GPU, or use a smaller micro-batch or sequence length; then resume the run.`,
    [],
    { cause: error },
  );
}

function noticeOf(error: unknown): TrainEvent {
  return { type: 'notice', code: codeOf(error), message: messageOf(error) };
}
