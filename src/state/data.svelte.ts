/** The dataset: its file, format and columns, its problems, and its examples in tokens. */

import type { Remote } from 'comlink';
import { callback, dataClient, type WorkerClient } from '../client';
import type {
  Cleaning,
  ColumnRole,
  DataApi,
  DataFile,
  DatasetView,
  EncodedDataset,
  EncodedStats,
  EncodeOptions,
  ExamplePreview,
  Format,
  KeptFile,
  Mapping,
  SplitName,
  TokenizerFiles,
} from '../../workers/api';
import { CodedError, messageOf } from '../core/errors';
import { Mutex } from '../core/mutex';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { SAMPLES, type Sample } from './samples';
import { recall, remember } from './storage';

/** What to do with a file that was opened. */
export interface Opening {
  /** The mapping to take in place of the detected one; null keeps that. */
  readonly mapping: Mapping | null;
  /** Why, in a sentence. */
  readonly reason: string;
  /** Called when the dataset is shown. */
  readonly shown: () => void;
}

/** What the tokens of a dataset depend on besides its file. */
export interface Encoding {
  readonly tokenizer: TokenizerFiles;
  readonly options: EncodeOptions;
}

/** An encoded dataset, and the view of exactly that dataset. */
export interface Prepared {
  readonly dataset: EncodedDataset;
  readonly view: DatasetView;
}

type Files = readonly DataFile[];

const asFiles = (file: File): Files => [{ path: file.name, file }];

/** What a message calls files that are being read. */
const titleOf = (files: Files): string => (files.length === 1 ? (files[0]?.path ?? '') : `${files.length} files`);

/** Milliseconds after which a reading shows its progress, with a way to stop it. */
const PATIENCE = 500;

const NO_DATASET = 'There is no dataset yet. Drop a file or choose a sample first.';

export class DataState {
  readonly #client: WorkerClient<DataApi>;
  /** One task at a time talks to the worker, which holds one file, one mapping and one tokenizer. */
  readonly #worker = new Mutex();
  view = $state.raw<DatasetView | null>(null);
  stats = $state.raw<EncodedStats | null>(null);
  preview = $state.raw<ExamplePreview | null>(null);
  previewIndex = $state(0);
  /** Why the example can't be shown in tokens: a property of that row, or the failure to count any. */
  previewProblem = $state<string | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** Name of the file that `failure` is about. */
  refused = $state<string | null>(null);
  /** A file is being read. */
  opening = $state(false);
  /** What is being read for a while, and the share that was read, 0 to 1; null while nothing is. */
  reading = $state.raw<{ readonly name: string; readonly bytes: number; readonly share: number } | null>(null);
  /** Tokens are being counted. */
  measuring = $state(false);
  /** The sample or kept dataset of the last visit is open, or there is none. */
  ready = $state(recall('sample') === null && recall('dataset') === null);
  /** Decides what to do with a file that was read; `restored`: it is the one of the last visit. */
  decide: (view: DatasetView, restored: boolean) => Opening = () => ({ mapping: null, reason: '', shown: () => undefined });
  /**
   * The encoding that is chosen now; null takes the one that was given last. A file is counted as it is shown, when the choice that follows
   * from it may not have been given yet.
   */
  encodingNow: () => Encoding | null = () => null;
  /** Opens the kept dataset of the last visit, if there is one. */
  openLast: () => Promise<void> = () => Promise.resolve();
  /** Called with the files of a dataset once it is shown; `sample`: one of the page. */
  opened: (files: readonly KeptFile[], sample: boolean, restored: boolean) => void = () => undefined;
  #files: Files | null = null;
  /** The mapping of `view`; null while it is the detected one. */
  #mapping: Mapping | null = null;
  /** The mapping asked for last, which the worker may not have answered yet. */
  #wanted: Mapping | null = null;
  /** What decides about the rows: of the recipe. */
  #cleaning: Cleaning = { dataSteps: [], seed: 0 };
  #encoding: Encoding | null = null;
  #tokenizerOfWorker: TokenizerFiles | null = null;
  #filesOfWorker: Files | null = null;
  /** Counts what the statistics depend on. */
  #turn = 0;
  /** Why tokens could not be counted at last; gone once they can. */
  #uncounted: Failure | null = null;
  /** Counts the files asked for. */
  #asked = 0;

  constructor(client: WorkerClient<DataApi>) {
    this.#client = client;
    client.onDeath(() => this.#onDeath());
  }

  /** Opens the sample or the kept dataset of the last visit, unless another dataset is asked for meanwhile. */
  async restore(): Promise<void> {
    const sample = SAMPLES.find((one) => one.file === recall('sample'));
    if (sample !== undefined) await this.#openSample(sample, true);
    else await this.openLast();
    this.ready = true;
  }

  /** Reads a dropped or picked file, or several as one table. The present dataset stays when they can't be used. */
  async open(files: File | Files): Promise<void> {
    const list = files instanceof File ? asFiles(files) : files;
    await this.#open(titleOf(list), null, false, () => Promise.resolve(list));
  }

  /** Adds files to those of the present dataset. `split`: what their rows are for; absent: what their names say. */
  async add(files: Files, split?: SplitName): Promise<void> {
    await this.open([...(this.#files ?? []), ...files.map((file) => (split === undefined ? file : { ...file, split }))]);
  }

  /** Opens a dataset that this browser keeps. `restored`: that of the last visit, for which model and objective stay. */
  async openKept(get: () => Promise<readonly KeptFile[]>, name: string, restored: boolean): Promise<void> {
    await this.#open(name, null, restored, get);
  }

  /** Stops reading a file. The dataset of before stays. */
  cancelOpening(): void {
    this.#asked++;
    this.opening = false;
    this.reading = this.refused = null;
    this.#client.kill('reading was cancelled');
  }

  async openSample(sample: Sample): Promise<void> {
    await this.#openSample(sample, false);
  }

  /** Reads pasted text as if it were a file. */
  async paste(text: string, kind: DatasetView['kind']): Promise<void> {
    await this.open(new File([text], `pasted.${kind}`));
  }

  async setFormat(format: Format): Promise<void> {
    if (this.view === null) return;
    await this.#remap({ ...this.#present(this.view), format });
  }

  async setRole(column: number, role: ColumnRole): Promise<void> {
    if (this.view === null) return;
    const present = this.#present(this.view);
    await this.#remap({ ...present, roles: present.roles.map((one, index) => (index === column ? role : one)) });
  }

  /** Makes the question, or the text, of columns; null: of the columns of its role, one after the other. */
  async setTemplate(template: string | null): Promise<void> {
    if (this.view === null) return;
    const { format, roles } = this.#present(this.view);
    await this.#remap({ format, roles, ...(template !== null && { template }) });
  }

  /** Takes another format and other roles at once. `reason`: why, in a sentence; the user's choice when absent. */
  async remap(mapping: Mapping, reason?: string): Promise<void> {
    if (this.view !== null) await this.#remap(mapping, reason);
  }

  /** Uses the columns as they suggest, again. */
  async detectAgain(): Promise<void> {
    const files = this.#files;
    this.#wanted = null;
    await this.#guard(() =>
      this.#worker.run(async () => {
        if (files === null || this.#files !== files) return;
        this.#mapping = this.#filesOfWorker = null;
        const view = await this.#openInWorker(files, this.#asked);
        this.#filesOfWorker = files;
        this.#show(view);
      }),
    );
    await this.#measure();
  }

  /** Takes other data steps; the newest ones win. Tokens are counted by `encoding`; null: by the one before. */
  async clean(cleaning: Cleaning, encoding: Encoding | null): Promise<void> {
    const { dataSteps, seed } = this.#cleaning;
    if (JSON.stringify([dataSteps, seed]) === JSON.stringify([cleaning.dataSteps, cleaning.seed])) return;
    const affects = dataSteps.length > 0 || cleaning.dataSteps.length > 0;
    this.#cleaning = cleaning;
    const known = encoding ?? this.#encoding;
    if (known !== null) this.#encoding = withCleaning(known, cleaning);
    if (!affects) return;
    await this.#guard(() =>
      this.#worker.run(async () => {
        if (this.#files === null || cleaning !== this.#cleaning) return;
        await this.#reopen();
        this.#show(await this.#client.call((api) => api.clean(cleaning)));
      }),
    );
    await this.#measure();
  }

  async close(): Promise<void> {
    this.#asked++;
    this.#turn++;
    this.opening = this.measuring = false;
    this.reading = null;
    this.#files = this.#mapping = this.#wanted = this.#filesOfWorker = null;
    this.view = this.stats = this.preview = this.previewProblem = this.failure = null;
    remember('sample', null);
    await this.#worker.run(() => this.#client.call((api) => api.close()));
  }

  /** Takes another tokenizer or other settings, and counts tokens again. */
  async encodeWith(encoding: Encoding): Promise<void> {
    this.#encoding = encoding;
    await this.#measure();
  }

  async showExample(index: number): Promise<void> {
    const last = (this.preview?.count ?? this.view?.examples ?? 0) - 1;
    this.previewIndex = Math.max(0, Math.min(index, last));
    const turn = this.#turn;
    await this.#guard(() =>
      this.#worker.run(async () => {
        const encoding = await this.#prepare(this.#encoding);
        if (encoding !== null) await this.#preview(encoding, turn);
      }),
    );
  }

  /** Encodes and splits the present dataset for a run; one that is opened meanwhile has to wait. Throws coded errors. */
  async encode(encoding: Encoding): Promise<Prepared> {
    this.#encoding = encoding;
    return this.#worker.run(async () => {
      const ready = await this.#prepare(encoding);
      const view = this.view;
      if (ready === null || view === null) throw new CodedError('data/no-examples', NO_DATASET);
      return { dataset: await this.#client.call((api) => api.encode(ready.options)), view };
    });
  }

  /** Asks the worker about the dataset as it is shown: its file, mapping and steps. Null while there is none. */
  async ask<T>(question: (api: Remote<DataApi>) => Promise<T>): Promise<T | null> {
    return this.#worker.run(async () => {
      if (this.#files === null) return null;
      await this.#reopen();
      return this.#client.call(question);
    });
  }

  /** Asks what the worker answers beside its other work, such as counting tokens: at once, if it holds the file. */
  async askAtOnce<T>(question: (api: Remote<DataApi>) => Promise<T>): Promise<T | null> {
    const held = this.#files !== null && this.#files === this.#filesOfWorker;
    return held ? this.#client.call(question) : this.ask(question);
  }

  /** Asks about the examples of the dataset, too. Null while there is no dataset or no tokenizer. */
  async askEncoded<T>(question: (api: Remote<DataApi>, options: EncodeOptions) => Promise<T>): Promise<T | null> {
    return this.#worker.run(async () => {
      const ready = await this.#prepare(this.encodingNow() ?? this.#encoding);
      return ready === null ? null : this.#client.call((api) => question(api, ready.options));
    });
  }

  #openSample(sample: Sample, restored: boolean): Promise<void> {
    return this.#open(sample.file, sample, restored, async () => asFiles(await fetchSample(sample)));
  }

  /** Opens what `get` brings; a newer request replaces this one at any time. */
  async #open(name: string, sample: Sample | null, restored: boolean, get: () => Promise<Files>): Promise<void> {
    const asked = ++this.#asked;
    this.opening = true;
    this.failure = null;
    this.refused = name;
    try {
      const files = await get();
      await this.#worker.run(() => this.#read(files, asked, restored));
      if (asked !== this.#asked) return;
      remember('sample', sample?.file ?? null);
      this.opened(
        files.filter(({ refused }) => refused === undefined),
        sample !== null,
        restored,
      );
    } catch (error) {
      if (asked === this.#asked) this.failure = failureOf(error);
      return;
    } finally {
      if (asked === this.#asked) this.opening = false;
    }
    await this.#measure();
  }

  /** Lets the worker read `files`, and shows it as `decide` says, unless a newer request has come. */
  async #read(files: Files, asked: number, restored: boolean): Promise<void> {
    if (asked !== this.#asked) return;
    this.#filesOfWorker = null;
    const detected = await this.#openInWorker(files, asked);
    const { mapping, reason, shown } = this.decide(detected, restored);
    const view = mapping === null ? detected : await this.#client.call((api) => api.remap(mapping, reason));
    this.#filesOfWorker = files;
    if (asked !== this.#asked) return;
    this.#files = files;
    this.#mapping = this.#wanted = mapping;
    this.refused = null;
    this.#show(view);
    shown();
  }

  async #openInWorker(files: Files, asked: number): Promise<DatasetView> {
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    let share = 0;
    const show = (): void => {
      if (asked === this.#asked) this.reading = { name: titleOf(files), bytes, share };
    };
    const progress = callback((done: number) => {
      share = done;
      if (this.reading !== null) show();
    });
    const timer = setTimeout(show, PATIENCE);
    try {
      return await this.#client.call((api) => api.open(files, this.#cleaning, progress));
    } finally {
      clearTimeout(timer);
      if (asked === this.#asked) this.reading = null;
    }
  }

  /** The mapping that was asked for last, else the one that is shown. */
  #present(view: DatasetView): Mapping {
    return this.#wanted ?? mappingOf(view);
  }

  async #remap(mapping: Mapping, reason?: string): Promise<void> {
    this.#wanted = mapping;
    const files = this.#files;
    await this.#guard(() =>
      this.#worker.run(async () => {
        if (this.#files === files) await this.#applyMapping(mapping, reason);
      }),
    );
    await this.#measure();
  }

  async #applyMapping(mapping: Mapping, reason?: string): Promise<void> {
    await this.#reopen();
    try {
      const view = await this.#client.call((api) => api.remap(mapping, reason));
      // The worker completes a mapping: it detects roles that a new format lacks, and gives the columns of a template their role.
      this.#mapping = mappingOf(view);
      if (this.#wanted === mapping) this.#wanted = this.#mapping;
      this.failure = null;
      this.#show(view);
    } catch (error) {
      if (this.#wanted === mapping) this.#wanted = this.#mapping;
      throw error;
    }
  }

  #show(view: DatasetView): void {
    this.view = view;
    this.stats = this.preview = this.previewProblem = null;
    this.previewIndex = 0;
    journal({ event: 'data', examples: view.examples, rejected: view.leftOut, format: view.format });
  }

  /** Statistics and the preview, after anything they depend on changed; the newest change wins. */
  async #measure(): Promise<void> {
    const turn = ++this.#turn;
    this.#encoding = this.encodingNow() ?? this.#encoding;
    if (this.view === null || this.view.examples === 0 || this.#encoding === null) return;
    this.measuring = true;
    try {
      await this.#worker.run(() => this.#count(turn));
      if (turn === this.#turn && this.failure === this.#uncounted) this.failure = null;
    } catch (error) {
      if (turn === this.#turn) this.#showUncounted(failureOf(error));
    } finally {
      if (turn === this.#turn) this.measuring = false;
    }
  }

  /** Tokens of another tokenizer or template are not those of the present one. */
  #showUncounted(failure: Failure): void {
    this.failure = this.#uncounted = failure;
    this.stats = this.preview = null;
    this.previewProblem = failure.message;
  }

  async #count(turn: number): Promise<void> {
    if (turn !== this.#turn) return;
    const encoding = await this.#prepare(this.#encoding);
    if (encoding === null) return;
    const stats = await this.#client.call((api) => api.measure(encoding.options));
    if (turn === this.#turn) this.stats = stats;
    await this.#preview(encoding, turn);
  }

  async #preview(encoding: Encoding, turn: number): Promise<void> {
    const index = this.previewIndex;
    const answer = await this.#client
      .call((api) => api.preview(index, encoding.options))
      .then((preview) => ({ preview, problem: null }))
      .catch((error: unknown) => ({ preview: null, problem: messageOf(error) }));
    if (turn !== this.#turn || index !== this.previewIndex) return;
    this.previewIndex = answer.preview?.index ?? index;
    this.preview = answer.preview;
    this.previewProblem = answer.problem;
  }

  /** Gives the worker the file, its mapping and the tokenizer, each only if it does not hold them yet. */
  async #prepare(encoding: Encoding | null): Promise<Encoding | null> {
    if (encoding === null || this.#files === null) return null;
    await this.#reopen();
    if (this.#tokenizerOfWorker !== encoding.tokenizer) {
      await this.#client.call((api) => api.setTokenizer(encoding.tokenizer));
      this.#tokenizerOfWorker = encoding.tokenizer;
    }
    return encoding;
  }

  async #reopen(): Promise<void> {
    const [files, mapping] = [this.#files, this.#mapping];
    if (files === null || files === this.#filesOfWorker) return;
    await this.#client.call((api) => api.open(files, this.#cleaning));
    if (mapping !== null) await this.#client.call((api) => api.remap(mapping));
    this.#filesOfWorker = files;
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  #onDeath(): void {
    this.#filesOfWorker = this.#tokenizerOfWorker = null;
  }
}

function mappingOf({ format, columns, template }: DatasetView): Mapping {
  return { format, roles: columns.map(({ role }) => role), ...(template !== null && { template }) };
}

function withCleaning({ tokenizer, options }: Encoding, cleaning: Cleaning): Encoding {
  return { tokenizer, options: { ...options, ...cleaning } };
}

async function fetchSample({ file }: Sample): Promise<File> {
  const response = await fetch(`samples/${file}`);
  if (!response.ok)
    throw new CodedError('data/parse', `${file} could not be fetched (status ${response.status}). Reload the page.`);
  return new File([await response.blob()], file);
}

export const data = new DataState(dataClient);
