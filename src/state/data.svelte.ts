/** The dataset: the file, how it is read, what is wrong with it, and how it looks in tokens. */

import { dataClient, type WorkerClient } from '../client';
import type {
  ColumnRole,
  DataApi,
  DatasetView,
  EncodedDataset,
  EncodedStats,
  EncodeOptions,
  ExamplePreview,
  Format,
  Mapping,
  TokenizerFiles,
} from '../../workers/api';
import { CodedError, messageOf } from '../core/errors';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { recall, remember } from './storage';

/** A dataset that comes with the page. */
export interface Sample {
  readonly file: string;
  readonly title: string;
  readonly description: string;
}

/** What tokens depend on besides the file. */
export interface Encoding {
  readonly tokenizer: TokenizerFiles;
  readonly options: EncodeOptions;
}

export class DataState {
  readonly #client: WorkerClient<DataApi>;
  view = $state.raw<DatasetView | null>(null);
  stats = $state.raw<EncodedStats | null>(null);
  preview = $state.raw<ExamplePreview | null>(null);
  previewIndex = $state(0);
  /** Why the example can't be shown in tokens: a property of that row, not a failure. */
  previewProblem = $state<string | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** Name of the file that `failure` is about. */
  refused = $state<string | null>(null);
  /** Reading the file. */
  opening = $state(false);
  /** Counting tokens. */
  measuring = $state(false);
  samples = $state.raw<readonly Sample[]>([]);
  #file: File | null = null;
  #mapping: Mapping | null = null;
  #encoding: Encoding | null = null;
  #tokenizerOfWorker: TokenizerFiles | null = null;
  #fileOfWorker: File | null = null;
  #turn = 0;
  #asked = 0;

  constructor(client: WorkerClient<DataApi>) {
    this.#client = client;
    client.onDeath(() => this.#onDeath());
  }

  /** Lists the samples, and opens the one of the last visit. */
  async restore(): Promise<void> {
    try {
      const response = await fetch('samples/index.json');
      this.samples = (await response.json()) as readonly Sample[];
    } catch {
      this.samples = [];
    }
    const sample = this.samples.find((one) => one.file === recall('sample'));
    if (sample !== undefined) await this.openSample(sample);
  }

  /** Reads a dropped or picked file. The one before stays when this one can't be used. */
  async open(file: File): Promise<void> {
    remember('sample', null);
    await this.#open(file);
  }

  async openSample(sample: Sample): Promise<void> {
    try {
      const response = await fetch(`samples/${sample.file}`);
      if (!response.ok)
        throw new CodedError('data/parse', `${sample.file} could not be fetched (${response.status}). Reload the page.`);
      await this.#open(new File([await response.blob()], sample.file));
      remember('sample', sample.file);
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Reads pasted text as if it were a file. */
  async paste(text: string, kind: DatasetView['kind']): Promise<void> {
    await this.open(new File([text], `pasted.${kind}`));
  }

  async setFormat(format: Format): Promise<void> {
    if (this.view !== null) await this.#remap({ format, roles: this.#roles() });
  }

  async setRole(column: number, role: ColumnRole): Promise<void> {
    if (this.view === null) return;
    const roles = this.#roles().map((one, index) => (index === column ? role : one));
    await this.#remap({ format: this.#mapping?.format ?? this.view.format, roles });
  }

  async close(): Promise<void> {
    this.#asked++;
    this.opening = false;
    this.#file = this.#mapping = this.#fileOfWorker = null;
    this.view = this.stats = this.preview = this.previewProblem = this.failure = null;
    remember('sample', null);
    await this.#client.call((api) => api.close());
  }

  /** Takes another tokenizer or other settings, and counts tokens again. */
  async encodeWith(encoding: Encoding): Promise<void> {
    this.#encoding = encoding;
    await this.#measure();
  }

  async showExample(index: number): Promise<void> {
    const last = (this.view?.examples ?? 0) - 1;
    this.previewIndex = Math.max(0, Math.min(index, last));
    await this.#guard(async () => {
      const encoding = await this.#prepare();
      if (encoding !== null) await this.#preview(encoding, this.#turn);
    });
  }

  /** Encodes and splits everything for a run. Throws coded errors. */
  async encode(encoding: Encoding): Promise<EncodedDataset> {
    this.#encoding = encoding;
    const ready = await this.#prepare();
    if (ready === null)
      throw new CodedError('data/no-examples', 'There is no dataset yet. Drop a file or choose a sample first.');
    return this.#client.call((api) => api.encode(ready.options));
  }

  /** Opens a file; what was asked for last is what is shown, however long the one before still reads. */
  async #open(file: File): Promise<void> {
    const asked = ++this.#asked;
    this.opening = true;
    this.failure = null;
    this.refused = file.name;
    try {
      const view = await this.#client.call((api) => api.open(file));
      if (asked !== this.#asked) return;
      this.#file = this.#fileOfWorker = file;
      this.#mapping = null;
      this.refused = null;
      this.#show(view);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#fileOfWorker = null;
      this.failure = failureOf(error);
      return;
    } finally {
      if (asked === this.#asked) this.opening = false;
    }
    await this.#measure();
  }

  /** The roles as last asked for, which the worker may not have answered yet. */
  #roles(): readonly ColumnRole[] {
    return this.#mapping?.roles ?? this.view?.columns.map((column) => column.role) ?? [];
  }

  async #remap(mapping: Mapping): Promise<void> {
    this.#mapping = mapping;
    await this.#guard(async () => {
      await this.#reopen();
      const view = await this.#client.call((api) => api.remap(mapping));
      this.failure = null;
      if (this.#mapping === mapping) this.#show(view);
    });
    await this.#measure();
  }

  #show(view: DatasetView): void {
    this.view = view;
    this.stats = this.preview = this.previewProblem = null;
    this.previewIndex = 0;
    journal({ event: 'data', examples: view.examples, rejected: view.leftOut, format: view.format });
  }

  /** Statistics and the preview, after anything they depend on changed; the last change wins. */
  async #measure(): Promise<void> {
    const turn = ++this.#turn;
    if (this.view === null || this.view.examples === 0 || this.#encoding === null) return;
    this.measuring = true;
    try {
      const encoding = await this.#prepare();
      if (encoding === null) return;
      const stats = await this.#client.call((api) => api.measure(encoding.options));
      if (turn === this.#turn) this.stats = stats;
      await this.#preview(encoding, turn);
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error);
    } finally {
      if (turn === this.#turn) this.measuring = false;
    }
  }

  async #preview(encoding: Encoding, turn: number): Promise<void> {
    const index = this.previewIndex;
    const answer = await this.#client
      .call((api) => api.preview(index, encoding.options))
      .then((preview) => ({ preview, problem: null }))
      .catch((error: unknown) => ({ preview: null, problem: messageOf(error) }));
    if (turn !== this.#turn || index !== this.previewIndex) return;
    this.preview = answer.preview;
    this.previewProblem = answer.problem;
  }

  /** Gives the worker the file, its mapping and the tokenizer, each only if it does not hold them yet. */
  async #prepare(): Promise<Encoding | null> {
    const encoding = this.#encoding;
    if (encoding === null || this.#file === null) return null;
    await this.#reopen();
    if (this.#tokenizerOfWorker !== encoding.tokenizer) {
      await this.#client.call((api) => api.setTokenizer(encoding.tokenizer));
      this.#tokenizerOfWorker = encoding.tokenizer;
    }
    return encoding;
  }

  async #reopen(): Promise<void> {
    const [file, mapping] = [this.#file, this.#mapping];
    if (file === null || file === this.#fileOfWorker) return;
    await this.#client.call((api) => api.open(file));
    if (mapping !== null) await this.#client.call((api) => api.remap(mapping));
    this.#fileOfWorker = file;
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  #onDeath(): void {
    this.#fileOfWorker = this.#tokenizerOfWorker = null;
  }
}

export const data = new DataState(dataClient);
