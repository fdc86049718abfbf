/** Runs: started, resumed, listed, changed. One trains at a time, in all tabs together. */

import type { EncodedDataset } from '../batch/types';
import type { EvalRow, RunRecord, RunStore, StoredCalibration, StoredPairs } from '../checkpoint/types';
import { CodedError, codeOf, messageOf } from '../core/errors';
import type { Tuning } from '../method/method';
import type { Recipe } from '../recipe/recipe';
import { withCalibration } from './calibrations';
import { checkRecipe } from './check-recipe';
import type { TrainDevice } from './device';
import { stopReason, throwIfCancelled, type Jobs, type QueuedJob } from './jobs';
import type { LoadedModel } from './loaded';
import { storedJudges, withJudgeSteps, type StoredJudge } from './judges';
import { withMixture } from './mixing';
import type { Models } from './models';
import { startingState, storedData, withOrigin } from './origin';
import { pairPrompts } from './pair-prompts';
import { newRecord, rewind, viewOf, type StartingPoint } from './records';
import { RunRecorder } from './recorder';
import { recovering } from './recovery';
import { Run, STATUS } from './run';
import type { FoundTeacher } from './teacher';
import type { OldData, PairPrompt, RunHistory, RunSetup, RunView, SampleRow, StepRow, TrainEvent } from './types';

/** A run from the call of `start` or `resume` until that call resolves, through losses of the device. */
interface Training {
  readonly job: QueuedJob;
  readonly store: RunStore;
  readonly onEvent: (event: TrainEvent) => void;
}

/** What a run reads beside its state. */
interface WhatIsRead {
  readonly dataset: EncodedDataset;
  readonly teacher: FoundTeacher | null;
  /** See `storedJudges`. */
  readonly judges: ReadonlyMap<string, StoredJudge>;
}

const CANCELLED = 'The start of the run was cancelled.';

export class Runs {
  readonly #jobs: Jobs;
  readonly #device: TrainDevice;
  readonly #models: Models;
  readonly #store: Promise<RunStore>;
  /** What is on the device, of the run that is a job now. */
  #run: Run | null = null;

  constructor(jobs: Jobs, device: TrainDevice, models: Models, store: Promise<RunStore>) {
    this.#jobs = jobs;
    this.#device = device;
    this.#models = models;
    this.#store = store;
  }

  /** What that run trains; null when the run is not on the device. */
  tuningOf(runId: string): Tuning | null {
    return this.#isTraining(runId) ? (this.#run?.tuning ?? null) : null;
  }

  start(setup: RunSetup, onEvent: (event: TrainEvent) => void): Promise<RunView> {
    const id = crypto.randomUUID();
    const forget = async () => (await this.#store).deleteRun(id);
    return this.#work(id, onEvent, forget, async (training) => {
      const model = await this.#models.model();
      this.#checkModel(model, setup.modelId, 'start again');
      checkRecipe(model.config, setup.recipe);
      checkPrecision(model, setup.recipe);
      const teacher = await this.#teacherOf(setup, model);
      const named = { ...setup, recipe: await withJudgeSteps(setup.recipe, training.store) };
      const prepared = await withOrigin(await withMixture(named), training.store);
      const record = newRecord(training.job.id, prepared, model, teacher);
      const snapshot = await startingState(record, training.store);
      const judges = await storedJudges(record.recipe, training.store, { id: model.view.id, config: model.config });
      await lock(training);
      throwIfCancelled(training.job.signal, CANCELLED);
      for (const data of [prepared.dataset, ...(prepared.old ? [prepared.old] : [])]) await training.store.putDataset(data);
      await training.store.putRun(record);
      return this.#train(training, { dataset: prepared.dataset, teacher, judges }, { record, snapshot, seconds: 0, evals: [] });
    });
  }

  resume(runId: string, onEvent: (event: TrainEvent) => void): Promise<RunView> {
    return this.#work(
      runId,
      onEvent,
      () => Promise.resolve(),
      async (training) => {
        const { store } = training;
        const [stored, model] = await Promise.all([store.run(runId), this.#models.model()]);
        this.#checkModel(model, stored.modelId, 'resume again');
        checkPrecision(model, stored.recipe);
        const teacher = await this.#teacherOf(stored, model);
        const judges = await storedJudges(stored.recipe, store, { id: model.view.id, config: model.config });
        await lock(training);
        throwIfCancelled(training.job.signal, CANCELLED);
        const dataset = await store.dataset(stored.datasetHash);
        await carryOn(store, stored);
        return this.#train(training, { dataset, teacher, judges }, await rewind(store, runId, onEvent));
      },
    );
  }

  async list(): Promise<readonly RunView[]> {
    const stored = await (await this.#store).runs();
    return stored.map((run) => viewOf(run, this.#isTraining(run.id))).sort((a, b) => b.createdAt - a.createdAt);
  }

  /** Id of the run that another worker trains; null when none does. */
  async elsewhere(): Promise<string | null> {
    const training = await (await this.#store).training();
    return training !== null && this.#isTraining(training) ? null : training;
  }

  async history(runId: string): Promise<RunHistory> {
    const store = await this.#store;
    const [steps = [], evals = [], samples = []] = await Promise.all(
      (['steps', 'evals', 'samples'] as const).map((kind) => store.rows(runId, kind)),
    );
    return { steps: steps as StepRow[], evals: evals as EvalRow[], samples: samples as SampleRow[] };
  }

  /** The training examples of a run that can be replayed; null when its data are not kept. */
  async oldData(runId: string): Promise<OldData | null> {
    const store = await this.#store;
    const data = await storedData(store, (await store.run(runId)).datasetHash);
    return data === null ? null : { examples: data.train.lines.length, tokens: data.train.ids.length };
  }

  async rename(runId: string, name: string): Promise<void> {
    await (await this.#store).updateRun(runId, { name });
  }

  async note(runId: string, notes: string): Promise<void> {
    await (await this.#store).updateRun(runId, { notes });
  }

  /** Keeps the temperature of a checkpoint; null removes it. */
  async calibrate(runId: string, step: number, calibration: Omit<StoredCalibration, 'step'> | null): Promise<void> {
    const store = await this.#store;
    const made = calibration === null ? null : { step, ...calibration };
    await store.updateRun(runId, { calibrations: withCalibration(await store.run(runId), step, made) });
  }

  /** Keeps what was chosen in blind pairs with a checkpoint; null removes it. */
  async keepPairs(runId: string, step: number, pairs: Omit<StoredPairs, 'step'> | null): Promise<void> {
    const store = await this.#store;
    const { pairs: known = [] } = await store.run(runId);
    const others = known.filter((one) => one.step !== step);
    await store.updateRun(runId, { pairs: [...others, ...(pairs === null ? [] : [{ step, ...pairs }])] });
  }

  /** See `TrainApi`. */
  async pairPrompts(runId: string, most: number): Promise<readonly PairPrompt[]> {
    const store = await this.#store;
    const [run, { tokenizer }] = await Promise.all([store.run(runId), this.#models.model()]);
    return pairPrompts(run, store, tokenizer, most);
  }

  delete(runId: string): Promise<void> {
    return this.#jobs.run('delete', runId, async () => (await this.#store).deleteRun(runId));
  }

  #isTraining(runId: string): boolean {
    return this.#jobs.find('run')?.id === runId;
  }

  /** `undo`: what is to be done when the run was cancelled and has ended. */
  async #work(
    runId: string,
    onEvent: (event: TrainEvent) => void,
    undo: () => Promise<void>,
    work: (training: Training) => Promise<RunView>,
  ): Promise<RunView> {
    const { run, signal } = await this.#jobs.run('run', runId, async (job) => {
      const ended = await work({ job, store: await this.#store, onEvent });
      return { run: ended, signal: job.signal };
    });
    if (run.status === 'finished') return run;
    if (stopReason(signal) === 'cancel') await undo();
    throwIfCancelled(signal, CANCELLED);
    return run;
  }

  async #train(training: Training, read: WhatIsRead, from: StartingPoint): Promise<RunView> {
    const { job, store, onEvent } = training;
    for (const error of this.#models.takeFailures()) onEvent({ type: 'notice', code: codeOf(error), message: messageOf(error) });
    const context = { runId: job.id, store, onEvent, useTfjsKernels: () => this.#models.useTfjsKernels() };
    return recovering(context, from, (start) => this.#attempt(training, read, start));
  }

  /** Trains to the end or a stop request, on the device that is open now. */
  async #attempt(
    { job, store, onEvent }: Training,
    { dataset, teacher, judges }: WhatIsRead,
    start: StartingPoint,
  ): Promise<RunView> {
    const { signal } = job;
    const recorder = new RunRecorder(store, start.record, onEvent, start.evals);
    const before = stopReason(signal);
    if (before !== null) return recorder.finish(STATUS[before]);
    const model = await this.#models.model();
    const meanwhile = stopReason(signal);
    if (meanwhile !== null) return recorder.finish(STATUS[meanwhile]);
    const tune = this.#device.tunerOf(model.engine);
    const pace = await this.#device.paceOf(model.engine);
    const run = (this.#run = new Run({ model, store, recorder, tune, pace, signal, teacher, judges }, dataset));
    try {
      return await run.go(start.snapshot, start.seconds);
    } finally {
      this.#run = null;
    }
  }

  /** The teacher that the run needs; a copy of it is stored. Null where it needs none. */
  async #teacherOf(run: Parameters<Models['teacher']>[0], { view, engine }: LoadedModel): Promise<FoundTeacher | null> {
    const teacher = await this.#models.teacher(run, this.#models.folders.get(view.id), engine);
    if (teacher !== null) await this.#models.keep(teacher.folder);
    return teacher;
  }

  #checkModel({ view }: LoadedModel, expected: string, then: string): void {
    if (view.id === expected) return;
    const name = this.#models.folders.nameOf(expected);
    throw new CodedError('train/state', `The run needs ${name}, but ${view.name} is loaded. Load ${name}, then ${then}.`);
  }
}

/** Makes the job the only one that trains, and the only writer of its run, until it ends. */
async function lock({ job, store }: Training): Promise<void> {
  job.onEnd(await store.lockTraining(job.id));
  job.onEnd(await store.lock(job.id));
}

/** A run that ended early goes on because the user wants it to: nothing ends it early again. */
async function carryOn(store: RunStore, { id, status, earlyStop }: RunRecord): Promise<void> {
  if (status === 'finished' && earlyStop !== undefined)
    await store.updateRun(id, { earlyStop: { ...earlyStop, carriedOn: true } });
}

/** A run trains on weights in its recipe's precision, also when it is resumed. */
function checkPrecision({ view, precision }: LoadedModel, { basePrecision }: Recipe): void {
  if (precision === basePrecision) return;
  throw new CodedError(
    'train/state',
    `This run needs the weights of ${view.name} in ${basePrecision}; they are loaded in ${precision}. Load the model again.`,
  );
}
