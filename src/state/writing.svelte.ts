/** Examples that a model writes for the open dataset: asked for, judged by rules, chosen by the user, saved or added to the data. */

import { callback, trainClient, type WorkerClient } from '../client';
import type { DatasetView, LabelCount, TrainApi, WritingRequest, WrittenExample } from '../../workers/api';
import { CodedError } from '../core/errors';
import { writableColumns } from '../recipe/writable';
import { data } from './data.svelte';
import { addFiles } from './data-files';
import { saveText } from './download';
import { failureOf, type Failure } from './failure';
import { model, type Chosen } from './model.svelte';
import { otherTab } from './other-tab.svelte';
import { recipe } from './recipe.svelte';
import { training } from './training.svelte';

/** An example in the list. */
export interface ListedExample extends WrittenExample {
  /** Number of the attempt. */
  readonly id: number;
  /** It is saved and added; the user may choose otherwise than the rules. */
  readonly kept: boolean;
}

/** Attempts for each example that is wanted, before the writing ends without it. */
const ATTEMPTS = 3;

/** Sampled with some variety. */
const SAMPLING = { temperature: 0.9, topP: 0.95 } as const;

/** The file of the examples. */
export const SYNTHETIC_FILE = 'synthetic.jsonl';

/** The choice of the starter that writes texts. */
export const STARTER_ID = 'starter';

export class Writing {
  readonly #client: WorkerClient<TrainApi>;
  wanted = $state(10);
  what = $state<WritingRequest['what']>('new');
  /** Null: all labels in turn. */
  label = $state<string | null>(null);
  /** Id of the model that writes; null takes the chosen one. */
  modelId = $state<string | null>(null);
  list = $state.raw<readonly ListedExample[]>([]);
  /** Labels of the data; empty for data without. */
  labels = $state.raw<readonly LabelCount[]>([]);
  /** What the page waits for. */
  doing = $state<'loading' | 'writing' | null>(null);
  /** What the model writes now. */
  text = $state('');
  attempts = $state(0);
  failure = $state.raw<Failure | null>(null);
  #cancelled = false;
  #seed = 0;
  /** The most attempts. */
  readonly most = $derived(ATTEMPTS * this.wanted);
  readonly accepted = $derived(this.list.filter(({ reason }) => reason === null).length);
  readonly kept = $derived(this.list.filter((one) => one.kept && one.cells !== null));
  /** Why nothing can be written now, or null. */
  readonly blocker = $derived(training.active ? 'Pause or stop the training first: it uses the device.' : otherTab.blocker);

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /** A model can write examples of this form. */
  writes({ columns, format, template }: DatasetView): boolean {
    return writableColumns({ format, template, roles: columns.map(({ role }) => role) }) !== null;
  }

  /** Forgets what was written for other rows, and reads the labels of the present ones. */
  async follow(view: DatasetView): Promise<void> {
    if (this.doing !== null) void this.cancel();
    this.list = [];
    this.labels = [];
    this.label = this.failure = null;
    if (!this.writes(view)) return;
    try {
      const labels = await data.ask((api) => api.writableLabels());
      if (data.view === view) this.labels = labels ?? [];
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Lets the model write until as many examples as wanted are accepted, or too many attempts failed. What was written before stays. */
  async write(): Promise<void> {
    if (this.blocker !== null || this.doing !== null) return;
    this.#cancelled = false;
    this.failure = null;
    this.attempts = 0;
    this.doing = 'loading';
    try {
      const chosen = await this.#chosen();
      const chat = chosen.view.hasChatTemplate;
      const seed = this.#nextSeed();
      const { what, label } = this;
      await data.ask((api) => api.startWriting({ what, label, chat, seed }));
      await model.ensureLoaded(chosen, recipe.value?.basePrecision ?? 'stored');
      this.doing = 'writing';
      await this.#writeAll(seed);
    } catch (error) {
      if (!this.#isCancelled()) this.failure = failureOf(error);
    } finally {
      this.doing = null;
      this.text = '';
    }
  }

  /** Ends the writing; what was written stays. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    if (this.doing === 'loading') await model.cancelLoad().catch(() => undefined);
    await this.#client.call((api) => api.cancelGenerate()).catch((error: unknown) => (this.failure = failureOf(error)));
  }

  keep(id: number, kept: boolean): void {
    this.list = this.list.map((one) => (one.id === id ? { ...one, kept } : one));
  }

  /** The kept examples as JSONL, marked as synthetic. */
  file(): File {
    return new File([this.kept.map(({ cells }) => `${JSON.stringify(cells)}\n`).join('')], SYNTHETIC_FILE);
  }

  async save(): Promise<void> {
    saveText(SYNTHETIC_FILE, await this.file().text(), 'application/jsonl');
  }

  /** Adds the kept examples to the dataset as a further file. The use of the columns stays. */
  async add(): Promise<void> {
    const before = data.view;
    if (before === null || this.kept.length === 0) return;
    await addFiles([{ path: freePath(before), file: this.file() }]);
    const after = data.view;
    if (after === null || after === before) return;
    const roles = after.columns.map(({ name }) => before.columns.find((column) => column.name === name)?.role ?? 'ignore');
    if (before.format === after.format && roles.every((role, index) => role === after.columns[index]?.role)) return;
    const { format, template } = before;
    await data.remap({ format, roles, ...(template !== null && { template }) }, 'As before the examples were added.');
  }

  async #writeAll(seed: number): Promise<void> {
    const from = this.accepted;
    const first = this.list.length;
    while (!this.#isCancelled() && this.attempts < this.most && this.accepted - from < this.wanted) {
      const example = await this.#writeOne(this.attempts, seed);
      if (example === null) return;
      this.attempts++;
      this.list = [...this.list, { ...example, id: first + this.attempts, kept: example.reason === null }];
    }
  }

  /** Null when it was cancelled. */
  async #writeOne(index: number, seed: number): Promise<WrittenExample | null> {
    const asked = await data.ask((api) => api.writingPrompt(index));
    if (asked === null) throw new CodedError('train/state', 'The data were closed.');
    this.text = '';
    const onText = callback((text: string) => {
      if (this.doing !== null) this.text = text;
    });
    const request = { ...asked, ...SAMPLING, seed: seed + index };
    const result = await this.#client.call((api) => api.generate(null, request, onText));
    if (this.#isCancelled() || result.stopped === 'cancelled') return null;
    return data.ask((api) => api.judgeWritten(index, result.text, result.stopped === 'end'));
  }

  /** It may have been cancelled while the model wrote. */
  #isCancelled(): boolean {
    return this.#cancelled;
  }

  /** Each writing draws other examples and other numbers. */
  #nextSeed(): number {
    const seed = typeof recipe.at('seed') === 'number' ? Number(recipe.at('seed')) : 0;
    return (seed + 1000 * this.#seed++) % 2 ** 32;
  }

  async #chosen(): Promise<Chosen> {
    const id = this.modelId;
    const found =
      id === STARTER_ID || (id === null && !canWrite(model.chosen)) ? await model.starter() : await this.#wantedModel(id);
    if (found === null) throw new CodedError('model/files', 'This model is no longer in this browser. Choose another one.');
    if (canWrite(found)) return found;
    throw new CodedError(
      'model/unsupported',
      `${found.view.name} is an encoder, which writes no text. Choose a model that writes.`,
    );
  }

  #wantedModel(id: string | null): Promise<Chosen | null> {
    return id === null ? Promise.resolve(model.chosen) : model.find(id);
  }
}

/** A name that no file of the dataset has. */
function freePath({ files }: DatasetView): string {
  const names = Array.from({ length: files.length + 1 }, (_, index) => `synthetic${index === 0 ? '' : `-${index + 1}`}.jsonl`);
  return names.find((name) => files.every((file) => file.name !== name)) ?? SYNTHETIC_FILE;
}

/** The model writes texts; null: none is chosen. */
export function canWrite(chosen: Chosen | null): boolean {
  return chosen?.view.writes === true;
}

export const writing = new Writing(trainClient);
