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
import { stopReason, type Jobs, type QueuedJob } from './jobs';
import type { LoadedModel } from './loaded';
import type { Models } from './models';
import { newRecord, rewind, viewOf, type StartingPoint } from './records';
import { RunRecorder } from './recorder';
import { Run, STATUS } from './run';
import type { Tuner } from './tune';
import type { RunSetup, RunView, TrainEvent } from './types';

/** Losses of the device after which a run that makes no progress is given up. */
const MAX_LOSSES = 3;

/** What a run reports, by its job: from the call of `start` or `resume` until that call resolves, through losses of the device. */
interface Training {
  readonly job: QueuedJob;
  readonly store: RunStore;
  readonly onEvent: (event: TrainEvent) => void;
}

interface RunsContext {
  readonly jobs: Jobs;
  readonly host: Host;
  readonly models: Models;
  readonly store: Promise<RunStore>;
  tunerOf(engine: Engine): Tuner | null;
  /** Failures since the last run that were not reported yet. */
  takeWarnings(): readonly unknown[];
}

export class Runs {
  readonly #context: RunsContext;
  /** What is on the device, of the run that is a job now. */
  #run: Run | null = null;

  constructor(context: RunsContext) {
    this.#context = context;
  }

  /** What that run trains; null when the run is not on the device. */
  tuningOf(runId: string): Tuning | null {
    return this.#isTraining(runId) ? (this.#run?.tuning ?? null) : null;
  }

  start(setup: RunSetup, onEvent: (event: TrainEvent) => void): Promise<RunView> {
    return this.#work(crypto.randomUUID(), onEvent, async (training) => {
      const model = await this.#context.host.model();
      this.#checkModel(model, setup.modelId, 'start again');
      checkRecipe(model.config, setup.recipe);
      checkPrecision(model, setup.recipe);
      jobOf(setup.recipe, slotsOf(setup.dataset, setup.recipe, model.config), model.config);
      await lock(training);
      const { job, store } = training;
      const record = newRecord(job.id, setup, model);
      await store.putDataset(setup.dataset);
      await store.putRun(record);
      return this.#train(training, setup.dataset, { record, snapshot: null, seconds: 0 });
    });
  }

  resume(runId: string, onEvent: (event: TrainEvent) => void): Promise<RunView> {
    return this.#work(runId, onEvent, async (training) => {
      const { store } = training;
      const [stored, model] = await Promise.all([store.run(runId), this.#context.host.model()]);
      this.#checkModel(model, stored.modelId, 'resume again');
      checkPrecision(model, stored.recipe);
      await lock(training);
      const dataset = await store.dataset(stored.datasetHash);
      return this.#train(training, dataset, await rewind(store, runId, onEvent));
    });
  }

  async list(): Promise<readonly RunView[]> {
    const stored = await (await this.#context.store).runs();
    return stored.map((run) => viewOf(run, this.#isTraining(run.id))).sort((a, b) => b.createdAt - a.createdAt);
  }

  /** Id of the run that another worker trains; null when none does. */
  async elsewhere(): Promise<string | null> {
    const training = await (await this.#context.store).training();
    return training !== null && this.#isTraining(training) ? null : training;
  }

  #work(runId: string, onEvent: (event: TrainEvent) => void, work: (training: Training) => Promise<RunView>): Promise<RunView> {
    const { jobs, store } = this.#context;
    return jobs.run('run', runId, async (job) => work({ job, store: await store, onEvent }));
  }

  #isTraining(runId: string): boolean {
    return this.#context.jobs.find('run')?.id === runId;
  }

  /**
   * Trains to the end or a stop request. Continues from the newest checkpoint after a loss of the device, and with tfjs's kernels after the
   * driver refused one of ours.
   */
  async #train(training: Training, dataset: EncodedDataset, from: StartingPoint): Promise<RunView> {
    const { job, store, onEvent } = training;
    for (const error of this.#context.takeWarnings()) onEvent(noticeOf(error));
    let start = from;
    let losses = 0;
    for (;;) {
      try {
        return await this.#attempt(training, dataset, start);
      } catch (error) {
        if (codeOf(error) === 'gpu/shader' && (await this.#context.host.useTfjsKernels())) {
          await store.updateRun(job.id, { executor: 'tfjs-webgpu' });
          start = await rewind(store, job.id, onEvent);
          onEvent(otherKernels(error));
          continue;
        }
        if (codeOf(error) !== 'gpu/lost') throw error;
        const { step } = start.record;
        start = await rewind(store, job.id, onEvent);
        losses = start.record.step > step ? 1 : losses + 1;
        if (losses === MAX_LOSSES) {
          await new RunRecorder(store, start.record, onEvent).update({ status: 'paused' });
          throw givenUp(error);
        }
        onEvent(recovering(error));
      }
    }
  }

  async #attempt({ job, store, onEvent }: Training, dataset: EncodedDataset, start: StartingPoint): Promise<RunView> {
    const { signal } = job;
    const recorder = new RunRecorder(store, start.record, onEvent);
    const before = stopReason(signal);
    if (before !== null) return recorder.finish(STATUS[before]);
    const model = await this.#context.host.model();
    const meanwhile = stopReason(signal);
    if (meanwhile !== null) return recorder.finish(STATUS[meanwhile]);
    const tune = this.#context.tunerOf(model.engine);
    const run = (this.#run = new Run({ model, store, recorder, tune, signal }, dataset));
    try {
      return await run.go(start.snapshot, start.seconds);
    } finally {
      this.#run = null;
    }
  }

  #checkModel({ view }: LoadedModel, expected: string, then: string): void {
    if (view.id === expected) return;
    const name = this.#context.models.nameOf(expected);
    throw new CodedError('train/state', `The run needs ${name}, but ${view.name} is loaded. Load ${name}, then ${then}.`);
  }
}

/** Makes the job the only one that trains, and the only writer of its run, until it ends. */
async function lock({ job, store }: Training): Promise<void> {
  job.onEnd(await store.lockTraining(job.id));
  job.onEnd(await store.lock(job.id));
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
