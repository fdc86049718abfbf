/** The run that this page trains: started, watched, paused, stopped, resumed. */

import { callback, trainClient, type WorkerClient } from '../client';
import type { RunHistory, RunView, TrainApi, TrainEvent, Work } from '../../workers/api';
import { app, currentEncoding, startBlocker } from './app.svelte';
import { bringBack } from './base-model';
import { CodedError } from '../core/errors';
import { data } from './data.svelte';
import { device } from './device.svelte';
import { failureOf, type Failure } from './failure';
import { FirstStepWatch, type FirstStep } from './first-step';
import { Frames } from './frames';
import { journal } from './journal.svelte';
import { model } from './model.svelte';
import { promptsFrom } from './prompts';
import { notify, WakeLock } from './presence';
import { recipe } from './recipe.svelte';
import { RunLog, secondsLeft } from './run-log';
import { runs } from './runs.svelte';
import { isResumable, runName, statusWords } from './run-status';
import { recall, remember } from './storage';

/** What it is busy with before the first step. */
export interface Phase {
  readonly message: string;
  readonly done: number;
  readonly total: number;
  /** Milliseconds since the page was opened, when this phase began. */
  readonly since: number;
}

export interface Notice {
  readonly code: string;
  readonly message: string;
}

/** `idle`: nothing under way. `preparing`: before the first step. `ending`: pause or stop was asked for. */
export type Activity = 'idle' | 'preparing' | 'training' | 'ending';

const FOLLOW_MS = 1000;

const noRows: RunHistory = { steps: [], evals: [], samples: [] };

export class Training {
  readonly #client: WorkerClient<TrainApi>;
  readonly #frames = new Frames<TrainEvent>((events) => this.#take(events));
  readonly #awake = new WakeLock();
  #log = new RunLog();
  #watch: FirstStepWatch | null = null;
  activity = $state<Activity>('idle');
  run = $state.raw<RunView | null>(null);
  history = $state.raw<RunHistory>(noRows);
  phase = $state.raw<Phase | null>(null);
  /** Bytes held by the run on the device. */
  memory = $state<number | null>(null);
  /** What a token costs and what the device could do, once both are known. */
  work = $state.raw<Work | null>(null);
  /** Where the time from the click to the first step went; null until that step was there, and for runs only looked at. */
  firstStep = $state.raw<FirstStep | null>(null);
  /** Lines of the examples that the run started last does not see. */
  heldOutLines = $state.raw<Uint32Array>(new Uint32Array());
  /** The worker has a run that it can be asked to end. */
  stoppable = $state(false);
  notices = $state.raw<readonly Notice[]>([]);
  failure = $state.raw<Failure | null>(null);

  readonly last = $derived(this.history.steps.at(-1) ?? null);
  readonly step = $derived(this.last?.step ?? this.run?.step ?? 0);
  readonly totalSteps = $derived(this.run?.totalSteps ?? 0);
  readonly left = $derived(secondsLeft(this.history.steps, this.totalSteps));
  readonly heldOutLoss = $derived(this.history.evals.at(-1)?.loss ?? null);
  /** Share of the device's peak that the last step reached; null where the peak is not known. */
  readonly ofPeak = $derived(
    this.work === null || this.last === null ? null : (this.last.tokensPerSecond * this.work.flopsPerToken) / this.work.peak,
  );
  /** Steps that changed nothing because their gradients overflowed. */
  readonly skipped = $derived(this.history.steps.filter((row) => row.skipped === true).length);
  readonly active = $derived(this.activity !== 'idle');
  /** The run shown can go on from its last checkpoint. */
  readonly resumable = $derived(!this.active && this.run !== null && isResumable(this.run.status));
  /** Why a new run can't be started now, or null. */
  readonly blocker = $derived(this.active ? 'A run is under way.' : startBlocker());

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /** Shows the run of the last visit, else the newest that can go on. */
  async restore(): Promise<void> {
    await runs.refresh();
    const run = runs.list.find((one) => one.id === recall('run')) ?? runs.list.find((one) => isResumable(one.status));
    if (run && this.run === null) await this.open(run);
    this.#follow();
  }

  /** Encodes the data, loads the model, and trains until the run ends or is paused. */
  async start(): Promise<void> {
    await this.#go('Turning examples into tokens', async () => {
      this.#show(null, noRows);
      const [encoding, settings, view] = [currentEncoding(), recipe.value, data.view];
      if (!encoding || !settings || !view)
        throw new CodedError('train/state', startBlocker() ?? 'Model, data or recipe is missing.');
      const dataset = await data.encode(encoding);
      this.heldOutLines = dataset.heldOut.lines;
      this.#enter('Loading the model');
      const { id, name } = await model.ensureLoaded(settings.basePrecision);
      const title = runName(
        name,
        view.name,
        runs.list.map((run) => run.name),
      );
      const setup = {
        ...{ name: title, modelId: id, recipe: settings, dataset, datasetName: view.name },
        prompts: promptsFrom(view.head, dataset.heldOut.lines, 6),
      };
      this.#enter('Preparing the run');
      return this.#client.call((api) =>
        api.start(
          setup,
          callback((event) => this.#receive(event)),
        ),
      );
    });
  }

  /** Goes on with an earlier run from its newest checkpoint, also after a reload. */
  async resume(run: RunView): Promise<void> {
    await this.#go('Loading the model', async () => {
      this.#show(run, await this.#client.call((api) => api.history(run.id)));
      await bringBack(run);
      this.#enter('Restoring the checkpoint');
      return this.#client.call((api) =>
        api.resume(
          run.id,
          callback((event) => this.#receive(event)),
        ),
      );
    });
  }

  /** Shows an earlier run without going on with it. */
  async open(run: RunView): Promise<void> {
    if (this.active) return;
    try {
      this.#show(run, await this.#client.call((api) => api.history(run.id)));
      this.failure = null;
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Takes a deleted run off the page. */
  forget(id: string): void {
    if (!this.active && this.run?.id === id) this.#show(null, noRows);
  }

  async pause(): Promise<void> {
    await this.#end((api) => api.pause());
  }

  /** Ends the run. `save: false` drops what came after the last checkpoint. */
  async stop(save: boolean): Promise<void> {
    await this.#end((api) => api.stop(save));
  }

  /** Seconds that the phase under way will take yet, from its pace so far; null before there is one. */
  phaseLeft(now: number): number | null {
    const phase = this.phase;
    if (!phase || phase.done <= 0 || phase.total <= phase.done) return null;
    return ((now - phase.since) / 1000 / phase.done) * (phase.total - phase.done);
  }

  dismiss(notice: Notice): void {
    this.notices = this.notices.filter((one) => one !== notice);
  }

  /** Carries a run from its first phase to its end, whatever that is. */
  async #go(phase: string, work: () => Promise<RunView>): Promise<void> {
    if (this.active) return;
    this.activity = 'preparing';
    this.failure = null;
    this.notices = [];
    this.#awake.set(true);
    this.firstStep = null;
    this.#watch = new FirstStepWatch(performance.now());
    this.#enter(phase);
    try {
      const run = await work();
      this.#frames.flush();
      await this.#settle(run);
      this.#conclude(run);
    } catch (error) {
      this.#frames.flush();
      this.#fail(failureOf(error));
    } finally {
      this.activity = 'idle';
      this.stoppable = false;
      this.phase = null;
      this.#watch = null;
      this.#awake.set(false);
      await this.#recover();
    }
  }

  /** Reads the list of runs anew; after the worker died that starts the next one, which needs a device too. */
  async #recover(): Promise<void> {
    await this.#refreshRun();
    this.#follow();
    try {
      await device.ensureOpen();
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  async #end(ask: (api: Pick<TrainApi, 'pause' | 'stop'>) => Promise<void>): Promise<void> {
    const before = this.activity;
    if (!this.stoppable) return;
    this.stoppable = false;
    this.activity = 'ending';
    try {
      await this.#client.call(ask);
    } catch (error) {
      this.failure = failureOf(error);
      if (this.#isEnding()) [this.activity, this.stoppable] = [before, true];
    }
  }

  /** A run whose last steps were dropped is shown without them. */
  async #settle(run: RunView): Promise<void> {
    if (this.step > run.step) this.#show(run, await this.#client.call((api) => api.history(run.id)));
    this.run = run;
  }

  /** The run may have ended by itself meanwhile. */
  #isEnding(): boolean {
    return this.activity === 'ending';
  }

  #conclude(run: RunView): void {
    const text = `${statusWords[run.status]}: ${run.name}, step ${run.step} of ${run.totalSteps}`;
    app.announce(text);
    if (run.status !== 'finished' && run.status !== 'stopped') return;
    notify('Finetab', text);
    const seconds = this.history.steps.at(-1)?.seconds ?? 0;
    journal({ event: 'finished', baseLoss: run.baseLoss, tunedLoss: run.tunedLoss, seconds, steps: run.step });
  }

  #fail(failure: Failure): void {
    this.failure = failure;
    if (this.run) this.run = { ...this.run, status: failure.code === 'worker/died' ? 'interrupted' : 'failed' };
    notify('Finetab', failure.message);
  }

  #show(run: RunView | null, history: RunHistory): void {
    this.run = run;
    this.#log = new RunLog(history);
    this.history = this.#log.view();
    this.memory = this.work = null;
    if (run) remember('run', run.id);
  }

  #say(message: string, done = 0, total = 0): void {
    const since = this.phase?.message === message ? this.phase.since : performance.now();
    this.phase = { message, done, total, since };
  }

  /** A phase of the page's own; the worker's come as events. */
  #enter(message: string): void {
    this.#watch?.enter(message, performance.now());
    this.#say(message);
  }

  #receive(event: TrainEvent): void {
    if (event.type === 'phase') this.#watch?.enter(event.message, performance.now());
    if (event.type === 'step') this.#endWatch();
    tellJournal(event);
    this.#frames.add(event);
  }

  #take(events: readonly TrainEvent[]): void {
    for (const event of events) {
      this.#log.add(event);
      this.#note(event);
    }
    this.history = this.#log.view();
  }

  #note(event: TrainEvent): void {
    if (event.type === 'phase') this.#say(event.message, event.done, event.total);
    if (event.type === 'step') this.#onStep();
    if (event.type === 'status') this.#onStatus(event.run);
    if (event.type === 'memory') this.memory = event.bytes;
    if (event.type === 'work') this.work = event;
    if (event.type === 'notice') this.notices = [...this.notices, event];
    if (event.type === 'eval') app.announce(`Step ${event.step} of ${this.totalSteps}: held-out loss ${event.loss.toFixed(3)}`);
    if (event.type === 'checkpoint') void this.#refreshRun();
  }

  #onStatus(run: RunView): void {
    if (run.id !== this.run?.id) remember('run', run.id);
    this.run = run;
    this.stoppable = run.status === 'running' && this.activity !== 'ending';
  }

  #endWatch(): void {
    if (this.#watch === null) return;
    this.firstStep = this.#watch.end(performance.now());
    this.#watch = null;
    journal({ event: 'first-step', ...this.firstStep });
  }

  #onStep(): void {
    this.phase = null;
    if (this.activity === 'preparing') this.activity = 'training';
  }

  /** A run may say that it is running though not here: in another tab, or in a worker that the browser is still ending. */
  #follow(): void {
    if (this.active || !runs.list.some((run) => run.status === 'running')) return;
    setTimeout(() => void this.#lookAgain(), FOLLOW_MS);
  }

  async #lookAgain(): Promise<void> {
    await runs.refresh();
    if (!this.active) this.run = runs.list.find((run) => run.id === this.run?.id) ?? this.run;
    this.#follow();
  }

  /** The worker prunes checkpoints as it saves; its list is the true one. */
  async #refreshRun(): Promise<void> {
    await runs.refresh();
    const fresh = runs.list.find((run) => run.id === this.run?.id);
    if (fresh && this.run) this.run = { ...this.run, checkpoints: fresh.checkpoints };
  }
}

function tellJournal(event: TrainEvent): void {
  if (event.type === 'eval') journal({ event: 'eval', step: event.step, loss: event.loss });
  if (event.type === 'phase') journal({ event: 'phase', message: event.message, done: event.done, total: event.total });
  if (event.type !== 'step') return;
  const { step, loss, learningRate, gradNorm, lossScale, skipped, tokensPerSecond } = event;
  const scaling = lossScale !== undefined && skipped !== undefined && { lossScale, skipped };
  journal({ event: 'step', step, loss, learningRate, gradNorm, ...scaling, tokensPerSecond });
}

export const training = new Training(trainClient);
