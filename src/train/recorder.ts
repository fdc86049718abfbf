/** What a run stores and reports: its record, its rows and checkpoints, and the events that the page gets. */

import type { EarlyStop, EvalRow, RecordChange, RunRecord, RunStore } from '../checkpoint/types';
import { codeOf, messageOf } from '../core/errors';
import { lossesOf } from './losses';
import { earlyStop, isBestAt } from './stopping';
import { figuresOf, userFields } from './records';
import type { SessionState } from './session';
import type { Measured } from './trainer';
import type { RunView, SampleRow, StepRow, TrainEvent } from './types';

/** Rows of steps are stored after so many steps or milliseconds, and with a checkpoint. Tabs that watch the run read them there. */
const ROWS_AT_ONCE = 50;
const ROWS_AFTER_MS = 1000;

/** A store that fails does not stop the training: except by `save` and `rollBack`, its failures are reported as notices. */
export class RunRecorder {
  readonly #store: RunStore;
  readonly #onEvent: (event: TrainEvent) => void;
  #record: RunRecord;
  /** Changes of the record since it was stored last. */
  #unsaved: RecordChange = {};
  #steps: StepRow[] = [];
  #rowsStoredAt = 0;
  /** In the order of their steps. */
  #evals: readonly EvalRow[];

  /** `evals`: the measurements of a run that goes on. */
  constructor(store: RunStore, record: RunRecord, onEvent: (event: TrainEvent) => void, evals: readonly EvalRow[] = []) {
    this.#store = store;
    this.#record = record;
    this.#onEvent = onEvent;
    this.#evals = evals;
  }

  get record(): RunRecord {
    return this.#record;
  }

  emit(event: TrainEvent): void {
    this.#onEvent(event);
  }

  phase(message: string, done: number, total: number): void {
    this.#onEvent({ type: 'phase', message, done, total });
  }

  notice(error: unknown): void {
    this.#onEvent({ type: 'notice', code: codeOf(error), message: messageOf(error) });
  }

  addStep(row: StepRow): void {
    this.#steps.push(row);
    this.#change({ step: row.step });
    this.#onEvent({ type: 'step', ...row });
    const due = this.#steps.length >= ROWS_AT_ONCE || performance.now() - this.#rowsStoredAt > ROWS_AFTER_MS;
    if (due) void this.#keep(this.#writeSteps());
  }

  /** What the base was measured with; null when nothing is held out. It is the measurement at step 0 unless the run starts from another. */
  async addBase(measured: Measured | null): Promise<void> {
    const { loss = null, sources = [] } = measured ?? {};
    const mixture = this.#record.mixture?.map((one, i) => ({ ...one, baseLoss: sources[i] ?? null }));
    await this.update({ baseLoss: loss, ...(mixture && { mixture }) });
    if (loss === null) return;
    this.#onEvent({ type: 'base', loss, ...(mixture && { sources }) });
    if (this.#record.tunedLoss === null) await this.addEval({ step: 0, loss, ...(mixture && { sources }) });
  }

  /** Whether the measurement at `step` is the best one of the run. */
  isBestAt(step: number): boolean {
    return isBestAt(step, this.#evals, this.#record.recipe);
  }

  /** Why the measurements so far end the run; null when it goes on. */
  earlyStop(): EarlyStop | null {
    const { recipe, totalSteps, earlyStop: before } = this.#record;
    return before?.carriedOn === true ? null : earlyStop(recipe, this.#evals, totalSteps);
  }

  async addEval(row: EvalRow): Promise<void> {
    this.#evals = [...this.#evals, row];
    const best = Math.min(row.loss, this.#record.bestLoss ?? Infinity);
    await this.#keep(this.#store.appendRows(this.#record.id, 'evals', [row]));
    await this.update({ tunedLoss: row.loss, bestLoss: best });
    this.#onEvent({ type: 'eval', ...row });
  }

  async addSamples(rows: readonly SampleRow[]): Promise<void> {
    await this.#keep(this.#store.appendRows(this.#record.id, 'samples', rows));
    for (const row of rows) this.#onEvent({ type: 'sample', ...row });
  }

  /** Stores the waiting rows and a checkpoint. Throws what the store throws. */
  async save(state: SessionState): Promise<void> {
    await this.#writeSteps();
    const checkpoint = await this.#store.save(this.#record.id, state);
    await this.update({ step: state.step });
    this.#onEvent({ type: 'checkpoint', checkpoint });
  }

  /** Goes back to the newest checkpoint: rows and losses of later steps are deleted. */
  async rollBack(): Promise<void> {
    this.#steps = [];
    const { id } = this.#record;
    const { checkpoints } = await this.#store.run(id);
    const step = Math.max(0, ...checkpoints.map((checkpoint) => checkpoint.step));
    await this.#store.cutRows(id, step);
    this.#evals = (await this.#store.rows(id, 'evals')) as readonly EvalRow[];
    this.#change({ step, ...lossesOf(this.#evals) });
  }

  async start(): Promise<void> {
    await this.update({ status: 'running' });
    await this.#emitStatus();
  }

  async finish(status: 'finished' | 'paused' | 'stopped', early: EarlyStop | null = null): Promise<RunView> {
    await this.#keep(this.#writeSteps());
    await this.update({ status, ...(early !== null && { earlyStop: early }) });
    return this.#emitStatus();
  }

  async fail(): Promise<void> {
    await this.#keep(this.#writeSteps());
    await this.update({ status: 'failed' });
  }

  /** Changes fields of the record. Those that the store refuses are stored with the next change. */
  async update(change: RecordChange): Promise<void> {
    this.#change({ ...change, updatedAt: Date.now() });
    const unsaved = this.#unsaved;
    this.#unsaved = {};
    try {
      this.#saved(await this.#store.updateRun(this.#record.id, unsaved));
    } catch (error) {
      this.#unsaved = { ...unsaved, ...this.#unsaved };
      this.notice(error);
    }
  }

  #change(change: RecordChange): void {
    this.#record = { ...this.#record, ...change };
    this.#unsaved = { ...this.#unsaved, ...change };
  }

  /** Takes over what another tab changed: name and notes. */
  #saved(record: RunRecord): void {
    this.#record = { ...record, ...this.#record, ...userFields(record) };
  }

  async #writeSteps(): Promise<void> {
    const rows = this.#steps;
    this.#steps = [];
    this.#rowsStoredAt = performance.now();
    if (rows.length > 0) await this.#store.appendRows(this.#record.id, 'steps', rows);
  }

  async #emitStatus(): Promise<RunView> {
    const run = await this.#view();
    this.#onEvent({ type: 'status', status: run.status, run });
    return run;
  }

  async #view(): Promise<RunView> {
    const stored = await this.#store.run(this.#record.id).catch(() => null);
    const { format, parameters, ...record } = this.#record;
    const figures = figuresOf(stored?.newest ?? { step: null, evaluation: null });
    return { ...record, ...userFields(stored ?? record), ...figures, checkpoints: stored?.checkpoints ?? [] };
  }

  async #keep(writing: Promise<unknown>): Promise<void> {
    await writing.catch((error: unknown) => this.notice(error));
  }
}
