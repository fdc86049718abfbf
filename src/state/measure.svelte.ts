/**
 * Measurements of runs on what they held out and on other files, kept as long as the page is open; predictions for all rows of a file; and
 * the calibration of a checkpoint.
 */

import { callback, fileClient, trainClient, type WorkerClient } from '../client';
import type {
  DataApi,
  EncodedDataset,
  MeasuredExamples,
  MeasureRequest,
  Measurement,
  RunView,
  TokenizerFiles,
  TrainApi,
} from '../../workers/api';
import { loadBaseModel } from './base-model';
import { calibrated, fitted, temperatureOf, type Calibration } from './calibration';
import { fileName, saveText } from './download';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { predicts } from './objective';
import { hasTest } from './parts';
import { csvOf } from './csv';
import { measuredTable, predictionTable } from './predicted-rows';
import { runs } from './runs.svelte';
import { readTestFile, readTexts, type TestFile } from './test-file';

/** What is measured: the checkpoint at a step, the base, or the base that reads examples before each row. */
export type MeasuredModel = number | 'base' | 'prompted';

/** Examples that a run is measured on, and what was measured. */
export interface TestSet {
  readonly runId: string;
  /** Null: rows of the run's own data. */
  readonly file: File | null;
  /** The rows are those for the test, which the run read for nothing else; of a file false. */
  readonly test: boolean;
  /** Of a file, once it was read. */
  readonly read: Pick<TestFile, 'rows' | 'problems'> | null;
  /** Its rows have no labels: they can be predicted, not measured. */
  readonly unlabelled: boolean;
  readonly results: ReadonlyMap<MeasuredModel, Measurement>;
}

/** A measurement under way. `total` 0: not counted. */
export interface Measuring {
  readonly set: TestSet;
  readonly doing: string;
  readonly done: number;
  readonly total: number;
}

/** Which rows a run is measured on. */
export type MeasuredRows = Pick<TestSet, 'file' | 'test'>;

export interface MeasureFailure extends Pick<TestSet, 'runId' | 'file' | 'test'> {
  readonly failure: Failure;
}

const MODELS = {
  base: 'Measuring the base model',
  prompted: 'Measuring the base model with examples',
  tuned: 'Measuring the tuned model',
} as const;
type Which = keyof typeof MODELS;
type OnBatch = (done: number, total: number) => void;

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

  /** What `run` held out, its test rows if it has some, then the files that it was measured on. */
  setsOf(run: Pick<RunView, 'id' | 'parts'>): readonly TestSet[] {
    const known = this.#sets.filter(({ runId }) => runId === run.id);
    const own = [HELD_OUT, ...(hasTest(run) ? [TEST] : [])];
    return [
      ...own.map((rows) => known.find((set) => isSame(set, rows)) ?? newSet(run.id, rows)),
      ...known.filter(({ file }) => file !== null),
    ];
  }

  /**
   * Measures the checkpoint at `step` on a file, or on rows of the run's data, and the base there unless it was measured or has no
   * classifier. Does nothing while another measurement is under way.
   */
  async measure(run: RunView, step: number, rows: MeasuredRows): Promise<void> {
    const models: readonly Which[] = predicts(run.recipe.objective.kind) ? ['tuned'] : ['base', 'tuned'];
    await this.#measureAll(run, step, rows, models);
  }

  /** Measures the base, and the base that reads the examples which the run keeps for it before each row. */
  async measurePrompted(run: RunView, step: number, rows: MeasuredRows): Promise<void> {
    await this.#measureAll(run, step, rows, ['base', 'prompted']);
  }

  async #measureAll(run: RunView, step: number, rows: MeasuredRows, models: readonly Which[]): Promise<void> {
    if (this.now !== null) return;
    this.#cancelled = false;
    this.failed = null;
    const { file, test } = rows;
    const set = this.#setOf(run, rows);
    try {
      this.#say(set, 'Loading the model');
      const { tokenizer } = await loadBaseModel(run);
      const dataset = file === null ? (test ? 'test' : 'held-out') : await this.#read(run, tokenizer, set, file);
      if (dataset === 'unlabelled') return;
      for (const which of models) await this.#measure(set, which, step, dataset);
    } catch (error) {
      if (!this.#isCancelled()) this.failed = { runId: run.id, file, test, failure: failureOf(error) };
    } finally {
      this.now = null;
    }
  }

  #setOf(run: RunView, rows: MeasuredRows): TestSet {
    return this.setsOf(run).find((one) => isSame(one, rows)) ?? newSet(run.id, rows);
  }

  /** Ends the measurement under way; what was measured stays. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    this.#reader.kill('the measurement was cancelled');
    await this.#client.call((api) => api.cancelMeasure()).catch((error: unknown) => void failureOf(error));
  }

  /**
   * Predicts every row of a file that has a text with the checkpoint at `step`, and saves the rows with the predictions; or rows of the
   * run's data, which must have been measured. Does nothing while another measurement is under way.
   */
  async savePredictions(run: RunView, step: number, rows: MeasuredRows): Promise<void> {
    if (this.now !== null) return;
    this.#cancelled = false;
    this.failed = null;
    const { file, test } = rows;
    const set = this.#setOf(run, rows);
    try {
      const lines = file === null ? this.#measuredLines(run, set, step) : await this.#predict(run, step, set, file);
      if (lines === null) return;
      const own = `${run.name} ${test ? 'test' : 'held out'}`;
      const name = `${fileName(file === null ? own : file.name.replace(/\.[^.]*$/, ''))}-predictions.csv`;
      saveText(name, csvOf(lines));
      journal({ event: 'predictions', step, rows: lines.length - 1, file: name });
    } catch (error) {
      if (!this.#isCancelled()) this.failed = { runId: run.id, file, test, failure: failureOf(error) };
    } finally {
      this.now = null;
    }
  }

  #measuredLines(run: RunView, set: TestSet, step: number) {
    const { examples } = set.results.get(step) ?? {};
    return examples === undefined ? null : measuredTable(run, examples, temperatureOf(run, step));
  }

  /** Null when it was cancelled. */
  async #predict(run: RunView, step: number, set: TestSet, file: File) {
    this.#say(set, 'Loading the model');
    const { tokenizer } = await loadBaseModel(run);
    this.#say(set, 'Reading the file');
    const texts = await readTexts(this.#reader, run, tokenizer, file).finally(() => this.#reader.kill('it has read its file'));
    if (this.#isCancelled()) return null;
    const found = await this.#progress(set, 'Predicting the rows', (onBatch) =>
      this.#client.call((api) => api.predictRows({ runId: run.id, step, dataset: texts.dataset }, onBatch)),
    );
    return found === null ? null : predictionTable(run, texts.file, found, temperatureOf(run, step));
  }

  /** Fits the temperature of the checkpoint at `step` on the rows of `set`, which was measured, and keeps it; `fit` false removes it. */
  async calibrate(run: RunView, step: number, set: TestSet, fit: boolean): Promise<void> {
    const { examples, rows = 0 } = set.results.get(step) ?? {};
    const temperature = fit && examples !== undefined ? fitted(run, examples) : null;
    const calibration = temperature === null ? null : { temperature, rows, file: set.file?.name ?? null };
    try {
      await this.#client.call((api) => api.calibrateRun(run.id, step, calibration));
      await runs.refresh();
      if (examples !== undefined && temperature !== null) tellCalibration(run, step, rows, examples, temperature);
    } catch (error) {
      this.failed = { runId: run.id, file: set.file, test: set.test, failure: failureOf(error) };
    }
  }

  async #read(run: RunView, tokenizer: TokenizerFiles, set: TestSet, file: File): Promise<EncodedDataset | 'unlabelled'> {
    this.#say(set, 'Reading the file');
    try {
      const found = await readTestFile(this.#reader, run, tokenizer, file);
      if (found === null) {
        this.#keep(set, { unlabelled: true });
        return 'unlabelled';
      }
      const { dataset, rows, problems } = found;
      this.#keep(set, { read: { rows, problems } });
      return dataset;
    } finally {
      this.#reader.kill('it has read its file');
    }
  }

  async #measure(set: TestSet, which: Which, step: number, dataset: MeasureRequest['dataset']): Promise<void> {
    const key = which === 'tuned' ? step : which;
    if (this.#isCancelled() || this.#kept(set).results.has(key)) return;
    const result = await this.#progress(set, MODELS[which], (onBatch) =>
      this.#client.call((api) => api.measure({ runId: set.runId, step, which, dataset }, onBatch)),
    );
    if (result === null) return;
    // eslint-disable-next-line svelte/prefer-svelte-reactivity -- it is replaced, never changed
    this.#keep(set, { results: new Map([...this.#kept(set).results, [key, result]]) });
    const { loss, metrics, rows } = result;
    journal({ event: 'measurement', which, step, rows, loss, ...(metrics && { metrics }) });
  }

  /** Says how far `work` is. */
  async #progress<T>(set: TestSet, doing: string, work: (onBatch: OnBatch) => Promise<T>): Promise<T> {
    // Progress comes by another way than the result, and may come after it.
    let whole = false;
    const onBatch = callback((done: number, total: number) => {
      if (!whole) this.#say(set, doing, done, total);
    });
    this.#say(set, doing);
    const result = await work(onBatch);
    whole = true;
    return result;
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

const HELD_OUT: MeasuredRows = { file: null, test: false };
const TEST: MeasuredRows = { file: null, test: true };

const newSet = (runId: string, { file, test }: MeasuredRows): TestSet => ({
  runId,
  file,
  test,
  read: null,
  unlabelled: false,
  results: new Map(),
});

function tellCalibration(run: RunView, step: number, rows: number, examples: MeasuredExamples, temperature: number): void {
  const [before, after] = [calibrated(run, examples), calibrated(run, examples, temperature)];
  if (before === null || after === null) return;
  const of = ({ ece, nll }: Calibration) => ({ ece, nll });
  journal({ event: 'calibration', step, rows, temperature, before: of(before), after: of(after) });
}

export function isSet(a: MeasuredRows & Pick<TestSet, 'runId'>, b: MeasuredRows & Pick<TestSet, 'runId'>): boolean {
  return a.runId === b.runId && isSame(a, b);
}

function isSame(a: MeasuredRows, b: MeasuredRows): boolean {
  return a.test === b.test && isSameFile(a.file, b.file);
}

/** The same file, also when it was dropped again. */
function isSameFile(a: File | null, b: File | null): boolean {
  return a === b || (a?.name === b?.name && a?.size === b?.size && a?.lastModified === b?.lastModified);
}

export const measure = new Measure(trainClient, fileClient);
