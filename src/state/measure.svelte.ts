/** Measurements of runs on what they held out and on other files, kept as long as the page is open. */

import { callback, fileClient, trainClient, type WorkerClient } from '../client';
import type { DataApi, EncodedDataset, Measurement, RunView, TokenizerFiles, TrainApi } from '../../workers/api';
import { loadBaseModel } from './base-model';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { predicts } from './objective';
import { readTestFile, type TestFile } from './test-file';

/** Examples that a run is measured on, and what was measured. */
export interface TestSet {
  readonly runId: string;
  /** Null: what the run held out. */
  readonly file: File | null;
  /** Of a file, once it was read. */
  readonly read: Pick<TestFile, 'rows' | 'problems'> | null;
  /** By the step of the checkpoint, or `base`. */
  readonly results: ReadonlyMap<number | 'base', Measurement>;
}

/** A measurement under way. `total` 0: not counted. */
export interface Measuring {
  readonly set: TestSet;
  readonly doing: string;
  readonly done: number;
  readonly total: number;
}

export interface MeasureFailure extends Pick<TestSet, 'runId' | 'file'> {
  readonly failure: Failure;
}

const MODELS = { base: 'Measuring the base model', tuned: 'Measuring the tuned model' } as const;
type Which = keyof typeof MODELS;

export class Measure {
  readonly #client: WorkerClient<TrainApi>;
  /** Its worker reads one file, and is ended then. */
  readonly #reader: WorkerClient<DataApi>;
  #sets = $state.raw<readonly TestSet[]>([]);
  now = $state.raw<Measuring | null>(null);
  failed = $state.raw<MeasureFailure | null>(null);
  #cancelled = false;

  constructor(client: WorkerClient<TrainApi>, reader: WorkerClient<DataApi>) {
    this.#client = client;
    this.#reader = reader;
  }

  /** What `run` held out, then the files that it was measured on. */
  setsOf({ id }: Pick<RunView, 'id'>): readonly TestSet[] {
    const own = this.#sets.filter(({ runId }) => runId === id);
    return [own.find(({ file }) => file === null) ?? newSet(id, null), ...own.filter(({ file }) => file !== null)];
  }

  /**
   * Measures the checkpoint at `step` on `file`, or on what the run held out, and the base there unless it was measured or has no
   * classifier. Does nothing while another measurement is under way.
   */
  async measure(run: RunView, step: number, file: File | null): Promise<void> {
    if (this.now !== null) return;
    this.#cancelled = false;
    this.failed = null;
    const set = this.setsOf(run).find((one) => isSame(one.file, file)) ?? newSet(run.id, file);
    try {
      this.#say(set, 'Loading the model');
      const { tokenizer } = await loadBaseModel(run);
      const dataset = file === null ? null : await this.#read(run, tokenizer, set, file);
      if (!predicts(run.recipe.objective.kind)) await this.#measure(set, 'base', step, dataset);
      await this.#measure(set, 'tuned', step, dataset);
    } catch (error) {
      if (!this.#isCancelled()) this.failed = { runId: run.id, file, failure: failureOf(error) };
    } finally {
      this.now = null;
    }
  }

  /** Ends the measurement under way; what was measured stays. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    this.#reader.kill('the measurement was cancelled');
    await this.#client.call((api) => api.cancelMeasure()).catch((error: unknown) => void failureOf(error));
  }

  async #read(run: RunView, tokenizer: TokenizerFiles, set: TestSet, file: File): Promise<EncodedDataset> {
    this.#say(set, 'Reading the file');
    try {
      const { dataset, rows, problems } = await readTestFile(this.#reader, run, tokenizer, file);
      this.#keep(set, { read: { rows, problems } });
      return dataset;
    } finally {
      this.#reader.kill('it has read its file');
    }
  }

  async #measure(set: TestSet, which: Which, step: number, dataset: EncodedDataset | null): Promise<void> {
    const key = which === 'base' ? which : step;
    if (this.#isCancelled() || this.#kept(set).results.has(key)) return;
    // Progress comes by another way than the result, and may come after it.
    let whole = false;
    const onBatch = callback((done: number, total: number) => {
      if (!whole) this.#say(set, MODELS[which], done, total);
    });
    this.#say(set, MODELS[which]);
    const result = await this.#client.call((api) => api.measure({ runId: set.runId, step, which, dataset }, onBatch));
    whole = true;
    if (result === null) return;
    // eslint-disable-next-line svelte/prefer-svelte-reactivity -- it is replaced, never changed
    this.#keep(set, { results: new Map([...this.#kept(set).results, [key, result]]) });
    const { loss, metrics, rows } = result;
    journal({ event: 'measurement', which, step, rows, loss, ...(metrics && { metrics }) });
  }

  #say(set: TestSet, doing: string, done = 0, total = 0): void {
    this.now = { set, doing, done, total };
  }

  #kept(set: TestSet): TestSet {
    return this.#sets.find((one) => isSet(one, set)) ?? set;
  }

  #keep(set: TestSet, change: Partial<TestSet>): void {
    const changed = { ...this.#kept(set), ...change };
    const known = this.#sets.some((one) => isSet(one, set));
    this.#sets = known ? this.#sets.map((one) => (isSet(one, set) ? changed : one)) : [...this.#sets, changed];
  }

  #isCancelled(): boolean {
    return this.#cancelled;
  }
}

const newSet = (runId: string, file: File | null): TestSet => ({ runId, file, read: null, results: new Map() });

export function isSet(a: Pick<TestSet, 'runId' | 'file'>, b: Pick<TestSet, 'runId' | 'file'>): boolean {
  return a.runId === b.runId && isSame(a.file, b.file);
}

/** The same file, also when it was dropped again. */
function isSame(a: File | null, b: File | null): boolean {
  return a === b || (a?.name === b?.name && a?.size === b?.size && a?.lastModified === b?.lastModified);
}

export const measure = new Measure(trainClient, fileClient);
