/** The run that this page trains: start, pause, stop, resume. Also follows the run of another tab, which is only shown. */

import { callback, trainClient, type WorkerClient } from '../client';
import type { CheckpointView, RunView, TrainApi, TrainEvent } from '../../workers/api';
import { app, startBlocker } from './app.svelte';
import { silenceLimits } from './backend';
import { loadBaseModel } from './base-model';
import type { Blocker } from './blocker';
import { CodedError, codeOf } from '../core/errors';
import { needsTeacher } from '../recipe/objectives';
import { data } from './data.svelte';
import { currentEncoding } from './encoding';
import { device } from './device.svelte';
import { failureOf, type Failure } from './failure';
import { feedbackOf } from './feedback-files';
import { FirstStepWatch } from './first-step';
import { Frames } from './frames';
import { journal, journalEncoded, journalTraining } from './journal.svelte';
import { columnsOf } from './mapping.svelte';
import { mixtures } from './mixture.svelte';
import { model } from './model.svelte';
import { Monitor } from './monitor.svelte';
import { otherTab, type OtherTab } from './other-tab.svelte';
import { promptsFrom } from './prompts';
import { notify, WakeLock } from './presence';
import { recipe } from './recipe.svelte';
import { runs } from './runs.svelte';
import { isResumable, runName, statusOf, withBase, withCheckpoint } from './run-status';
import { NO_ROWS, ShownRun } from './shown-run.svelte';
import { shotsFrom } from './shots';
import { space } from './space.svelte';
import { startFrom } from './start-from.svelte';
import { recall, remember } from './storage';
import { teacher } from './teacher.svelte';

export interface Notice {
  readonly code: string;
  readonly message: string;
}

/** `idle`: nothing under way. `preparing`: before the first step. `ending`: pause or stop was asked for. */
export type Activity = 'idle' | 'preparing' | 'training' | 'ending';

export class Training extends ShownRun {
  readonly #client: WorkerClient<TrainApi>;
  readonly #frames = new Frames<TrainEvent>((events) => this.#take(events));
  readonly #awake = new WakeLock();
  readonly monitor = new Monitor();
  readonly #otherTab: OtherTab;
  #watch: FirstStepWatch | null = null;
  activity = $state<Activity>('idle');
  /** The worker has a run that it can be asked to pause or stop. */
  stoppable = $state(false);
  notices = $state.raw<readonly Notice[]>([]);
  failure = $state.raw<Failure | null>(null);
  /** Counts what the stage was asked to show. */
  #turn = 0;
  /** Resolves when the run under way has ended. */
  #ended: Promise<void> = Promise.resolve();
  #endedByUser = false;
  /** Aborts what the page prepares for a run. */
  #preparation = new AbortController();
  /** The start or resume under way is being cancelled. */
  cancelling = $state(false);

  /** Whether there is a run to show from the last visit is known. */
  restored = $state(recall('run') === null);

  readonly active = $derived(this.activity !== 'idle');
  /** The run shown is the one that another tab trains. */
  readonly watching = $derived.by(() => !this.active && this.run !== null && this.run.id === this.#otherTab.runId);
  /** The run shown is being trained, here or in another tab. */
  readonly live = $derived(this.active || this.watching);
  /** Why a new run can't be started now, or null. */
  readonly blocker = $derived<Blocker | null>(
    this.active ? { reason: 'A run is under way.', place: { view: 'train', tab: null, options: {} } } : startBlocker(),
  );
  /** Why no run can be resumed now, or null. */
  readonly resumeBlocker = $derived.by(() => (this.active ? 'A run is under way.' : this.#otherTab.blocker));
  /** The run shown can be resumed from its last checkpoint. */
  readonly resumable = $derived(this.resumeBlocker === null && this.run !== null && isResumable(this.run.status));

  constructor(client: WorkerClient<TrainApi>, other: OtherTab) {
    super();
    this.#client = client;
    this.#otherTab = other;
    this.monitor.limit(silenceLimits(location.search));
  }

  /** Shows the run of another tab, else that of the last visit, else the newest that can be resumed. Then follows other tabs. */
  async restore(): Promise<void> {
    const turn = this.#turn;
    await this.#follow().catch(() => undefined);
    await runs.refresh();
    const last = recall('run');
    const run = runs.list.find((one) => one.id === last) ?? runs.list.find((one) => isResumable(one.status));
    if (run && this.run === null && turn === this.#turn) await this.#open(run);
    this.restored = true;
    this.#otherTab.watch(() => this.#follow());
  }

  /** Encodes the data, loads the model, and trains until the run ends or is paused. Uses the choices at the time of the call. */
  async start(): Promise<void> {
    if (this.blocker !== null) return;
    void space.protect();
    const [chosen, encoding, settings] = [model.chosen, currentEncoding(), recipe.value];
    const taught = settings !== null && needsTeacher(settings.objective) ? teacher.value : null;
    const old = startFrom.given?.dataset;
    const [run, history] = [this.run, this.history];
    const back = () => {
      this.show(run, history);
      return Promise.resolve();
    };
    await this.#begin('Turning examples into tokens', back, async () => {
      this.show(null, NO_ROWS);
      this.prepared = settings?.objective.kind ?? 'sft';
      if (!chosen || !encoding || !settings)
        throw new CodedError('train/state', startBlocker()?.reason ?? 'Model, data or recipe is missing.');
      const { dataset, view } = await this.#unlessCancelled(data.encode(encoding));
      const mixing = mixtures.encode(settings.mixture, encoding, dataset.layout?.names ?? []);
      const mixed = await this.#unlessCancelled(mixing);
      journalEncoded(dataset);
      await this.#load('Loading the model', (signal) => model.ensureLoaded(chosen, settings.basePrecision, signal));
      const { id, name } = chosen.view;
      const taken = runs.list.map((run) => run.name);
      const rated = feedbackOf(view.hash);
      const setup = {
        ...{
          name: runName(name, view.name, taken),
          modelId: id,
          recipe: { ...settings, data: { name: view.name, hash: view.hash } },
          dataset,
          datasetName: view.name,
        },
        prompts: promptsFrom(view.head, dataset.heldOut.lines, 6),
        shots: shotsFrom(view.head, dataset.train.lines, settings.seed),
        columns: columnsOf(view),
        fileHash: view.hash,
        ...(taught && { teacher: taught }),
        ...(old && { old }),
        ...(mixed.length > 0 && { mixed }),
        ...(rated && { feedback: rated }),
      };
      this.#enter('Preparing the run');
      return this.#client.call((api) => api.start(setup, this.#listener()));
    });
  }

  /** Resumes an earlier run from its newest checkpoint, also after a reload. */
  async resume(run: RunView): Promise<void> {
    if (this.resumeBlocker !== null) return;
    const back = async () => this.show(run, await this.#client.call((api) => api.history(run.id)));
    await this.#begin('Loading the model', back, async () => {
      await back();
      remember('run', run.id);
      await this.#load('Loading the model', (signal) => loadBaseModel(run, signal));
      this.#enter('Restoring the checkpoint');
      return this.#client.call((api) => api.resume(run.id, this.#listener()));
    });
  }

  /** Shows an earlier run without resuming it. The newest call wins. */
  async open(run: RunView): Promise<void> {
    if (this.active) return;
    if (await this.#open(run)) remember('run', run.id);
  }

  /** Takes a deleted run off the page. */
  forget(id: string): void {
    if (!this.active && this.run?.id === id) this.show(null, NO_ROWS);
  }

  async pause(): Promise<void> {
    await this.#end((api) => api.pause());
  }

  /** Ends the run. `save: false` drops what came after the last checkpoint. */
  async stop(save: boolean): Promise<void> {
    await this.#end((api) => api.stop(save));
  }

  /** Ends the preparation of a run as if Start or Resume had not been pressed. Does nothing once the run trains. */
  async cancel(): Promise<void> {
    if (this.activity !== 'preparing' || this.cancelling) return;
    this.cancelling = true;
    this.monitor.expectEnd(true);
    this.#preparation.abort(new CodedError('train/cancelled', 'The start was cancelled.'));
    const ends = Promise.all([model.cancelLoad(), this.#client.call((api) => api.cancelRun())]);
    // When the worker dies meanwhile, so does the preparation, which says why.
    await Promise.all([ends.catch(() => undefined), this.#ended]);
  }

  /** Ends the worker without waiting for it. The run can be resumed from its last checkpoint. */
  async endNow(): Promise<void> {
    if (!this.active) return;
    this.#endedByUser = true;
    this.#client.kill('it did not answer, and you ended it');
    await this.#ended;
  }

  /** Ends a worker that hangs, and resumes its run from the last checkpoint. */
  async resumeAnew(): Promise<void> {
    await this.endNow();
    if (this.run !== null && this.resumable) await this.resume(this.run);
  }

  dismiss(notice: Notice): void {
    this.notices = this.notices.filter((one) => one !== notice);
  }

  /**
   * Runs `work` from the first phase of a run to its end, and restores the idle state however it ends. `back` shows what is to be shown
   * when it is cancelled before the first step.
   */
  #begin(phase: string, back: () => Promise<void>, work: () => Promise<RunView>): Promise<void> {
    this.#ended = this.#run(phase, back, work);
    return this.#ended;
  }

  async #run(phase: string, back: () => Promise<void>, work: () => Promise<RunView>): Promise<void> {
    this.#turn++;
    this.activity = 'preparing';
    this.failure = null;
    this.notices = [];
    this.#endedByUser = false;
    this.#preparation = new AbortController();
    this.#awake.set(true);
    this.#watch = new FirstStepWatch(performance.now());
    this.#enter(phase);
    try {
      const run = await work();
      this.#frames.flush();
      await this.#settle(run);
      this.#conclude(run);
    } catch (error) {
      this.#frames.flush();
      if (this.cancelling && codeOf(error) === 'train/cancelled') await this.#undo(back);
      else this.#fail(error);
    } finally {
      this.monitor.end();
      this.activity = 'idle';
      this.stoppable = this.cancelling = false;
      this.phase = null;
      this.#watch = null;
      this.#awake.set(false);
      await this.#recover();
    }
  }

  /** Loads the model, and monitors from here on: first the progress of the load, then the events of the run. */
  async #load(phase: string, load: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    this.#enter(phase);
    this.monitor.begin();
    const stop = $effect.root(() => {
      $effect(() => {
        if (model.progress !== null) this.monitor.heard(false);
      });
    });
    try {
      await this.#unlessCancelled(load(this.#preparation.signal));
    } finally {
      stop();
    }
  }

  /** The result of `work`. Throws `train/cancelled` at once when the preparation is cancelled; what `work` brings then is dropped. */
  async #unlessCancelled<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#preparation;
    if (signal.aborted) throw signal.reason;
    const cancelled = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );
    return Promise.race([work, cancelled]);
  }

  /** After a cancelled start or resume. */
  async #undo(back: () => Promise<void>): Promise<void> {
    try {
      await back();
      remember('run', this.run?.id ?? null);
      app.announce('Cancelled. Nothing was trained.');
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Reads the list of runs again; after the worker died that starts the next one, which needs a device too. */
  async #recover(): Promise<void> {
    await this.#refreshRun();
    try {
      await device.ensureOpen();
      void device.measure();
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  async #open(run: RunView): Promise<boolean> {
    const turn = ++this.#turn;
    try {
      const history = await this.#client.ask((api) => api.history(run.id));
      if (turn !== this.#turn) return false;
      this.show(run, history);
      this.failure = null;
      return true;
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error);
      return false;
    }
  }

  async #end(ask: (api: Pick<TrainApi, 'pause' | 'stop'>) => Promise<void>): Promise<void> {
    const before = this.activity;
    if (!this.stoppable) return;
    this.stoppable = false;
    this.activity = 'ending';
    this.monitor.expectEnd(true);
    try {
      await this.#client.call(ask);
    } catch (error) {
      if (this.#endedByUser || !this.#isEnding()) return;
      this.failure = failureOf(error);
      this.monitor.expectEnd(false);
      [this.activity, this.stoppable] = [before, true];
    }
  }

  /** A run whose last steps were dropped is shown without them. */
  async #settle(run: RunView): Promise<void> {
    if (this.step > run.step) this.show(run, await this.#client.call((api) => api.history(run.id)));
    this.run = run;
  }

  /** The run may have ended by itself meanwhile. */
  #isEnding(): boolean {
    return this.activity === 'ending';
  }

  #conclude(run: RunView): void {
    const text = `${statusOf(run)}: ${run.name}, step ${run.step} of ${run.totalSteps}`;
    app.announce(text);
    if (run.status !== 'finished' && run.status !== 'stopped') return;
    notify('Finetab', text);
    const seconds = this.history.steps.at(-1)?.seconds ?? 0;
    journal({ event: 'finished', baseLoss: run.baseLoss, tunedLoss: run.tunedLoss, seconds, steps: run.step });
  }

  #fail(error: unknown): void {
    const died = codeOf(error) === 'worker/died';
    if (this.run) this.run = { ...this.run, status: died ? 'interrupted' : 'failed' };
    if (this.run && died) this.#otherTab.ignore(this.run.id);
    if (this.#endedByUser && died) return;
    this.failure = failureOf(died && this.run !== null ? endOf(this.run, this.step, error) : error);
    notify('Finetab', this.failure.message);
  }

  /** Enters a phase of the page; those of the worker come as events. */
  #enter(message: string): void {
    this.#watch?.enter(message, performance.now());
    this.setPhase(message);
  }

  #listener() {
    return callback((event: TrainEvent) => this.#receive(event));
  }

  #receive(event: TrainEvent): void {
    this.monitor.heard(event.type === 'step');
    if (event.type === 'phase') this.#watch?.enter(event.message, performance.now());
    if (event.type === 'step') this.#endWatch();
    journalTraining(event);
    this.#frames.add(event);
  }

  #take(events: readonly TrainEvent[]): void {
    this.addRows(events);
    for (const event of events) this.#note(event);
  }

  #note(event: TrainEvent): void {
    if (event.type === 'phase') this.setPhase(event.message, event.done, event.total);
    if (event.type === 'step') this.#onStep();
    if (event.type === 'status') this.#onStatus(event.run);
    if (event.type === 'memory') this.memory = event.bytes;
    if (event.type === 'work') this.work = event;
    if (event.type === 'notice') this.notices = [...this.notices, event];
    if (event.type === 'base' && this.run !== null) this.run = withBase(this.run, event);
    if (event.type === 'checkpoint') this.#onCheckpoint(event.checkpoint);
  }

  /** The run has the checkpoint even if the worker dies before the list is read from the store. */
  #onCheckpoint(checkpoint: CheckpointView): void {
    if (this.run !== null) this.run = { ...this.run, checkpoints: withCheckpoint(this.run.checkpoints, checkpoint) };
    void this.#refreshRun();
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

  /** Checks whether another tab trains. Its run is shown when it is found, and updated while it is shown. */
  async #follow(): Promise<void> {
    if (this.active) return;
    const turn = this.#turn;
    const before = this.#otherTab.runId;
    const now = await this.#otherTab.look();
    if (now === null && before === null && !runs.list.some((run) => run.status === 'running')) return;
    await runs.refresh();
    const id = now !== null && now !== before ? now : (this.run?.id ?? null);
    const run = runs.find(id);
    if (run === null || this.#otherTab.isIgnored(run.id)) return;
    const trained = run.id === now || run.id === before;
    const history = trained ? await this.#client.ask((api) => api.history(run.id)) : this.history;
    if (this.#isIdle() && turn === this.#turn) this.update(run, history);
  }

  #isIdle(): boolean {
    return !this.active;
  }

  /** Takes over what the store has of the run: its name, its losses, the checkpoints that remain after a save. */
  async #refreshRun(): Promise<void> {
    await runs.refresh();
    const fresh = runs.find(this.run?.id ?? null);
    if (fresh && this.run) this.run = { ...fresh, status: this.run.status };
  }
}

/** The error of a run whose worker died. */
function endOf({ checkpoints }: RunView, step: number, error: unknown): CodedError {
  const reason = error instanceof Error && typeof error.cause === 'string' ? error.cause : 'the reason is not known';
  const advice = checkpoints.length === 0 ? 'Resume starts the run again.' : 'Resume continues from the last checkpoint.';
  return new CodedError('worker/died', `Training stopped at step ${step}: its worker died (${reason}). ${advice}`);
}

export const training = new Training(trainClient, otherTab);
