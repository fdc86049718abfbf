/**
 * A teacher that writes the answers of the open dataset: a bigger model on this device answers its questions, and the answers become a
 * dataset of their own. Each answer is stored when it is written, so that the writing goes on after a stop or a reload.
 */

import { callback, keepClient, trainClient, type WorkerClient } from '../client';
import type {
  DatasetView,
  GenerateRequest,
  GenerateResult,
  KeepApi,
  TaughtAnswer,
  TeacherView,
  TeachingJob,
  TeachingWish,
  TrainApi,
} from '../../workers/api';
import { CodedError } from '../core/errors';
import { mappingAt } from '../recipe/mapping';
import { needsTeacher } from '../recipe/objectives';
import { teachingProblem } from '../recipe/teachable';
import { data } from './data.svelte';
import { failureOf, type Failure } from './failure';
import { keepMapping } from './mapping.svelte';
import { model, type Chosen } from './model.svelte';
import { otherTab } from './other-tab.svelte';
import { recipe } from './recipe.svelte';
import { isTaught, taughtFile, taughtMapping } from './taught-rows';
import { teacher } from './teacher.svelte';
import { training } from './training.svelte';
import { writing } from './writing.svelte';

/** What the page waits for. */
export type Teaching = 'reading' | 'loading' | 'writing' | 'opening';

/** A teacher writes in one tab at a time. */
const LOCK = 'finetab:teaching';

/** Answers from which the time left is told. */
const FEWEST = 3;

const ONE_AT_A_TIME = 'Another tab lets a teacher write. Wait until it has ended, or stop it there.';

export class TeachingState {
  readonly #client: WorkerClient<TrainApi>;
  readonly #store: WorkerClient<KeepApi>;
  /** The panel is open. */
  shown = $state(false);
  /** Models on this device other than the chosen one that write text; null until they were read. */
  choices = $state.raw<readonly TeacherView[] | null>(null);
  part = $state<TeachingWish['part']>('train');
  most = $state(200);
  temperature = $state(0);
  maxTokens = $state(256);
  keepOriginal = $state(true);
  doing = $state<Teaching | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** What is being written, or was written and is not a dataset yet. */
  job = $state.raw<TeachingJob | null>(null);
  answers = $state.raw<readonly TaughtAnswer[]>([]);
  /** The answer that was written last. */
  last = $state.raw<{ readonly question: string; readonly text: string } | null>(null);
  /** Seconds to the end; null while they can't be told. */
  left = $state<number | null>(null);
  /** The rows of the dataset that the last job made; null before. */
  made = $state.raw<{ readonly rows: number; readonly teacher: string } | null>(null);
  #chosen = $state<string | null>(null);
  #cancelled = false;
  #saving: Promise<void> = Promise.resolve();
  /** The teacher: the chosen one, else the largest. */
  readonly teacher = $derived.by(() => {
    const all = this.choices ?? [];
    return all.find(({ id }) => id === this.#chosen) ?? all.toSorted((a, b) => b.parameters - a.parameters)[0] ?? null;
  });
  readonly taught = $derived(this.answers.filter(isTaught).length);
  /** Why a teacher can't write now, or null. */
  readonly busy = $derived(this.#busy());

  constructor(client: WorkerClient<TrainApi>, store: WorkerClient<KeepApi>) {
    this.#client = client;
    this.#store = store;
  }

  choose(id: string): void {
    this.#chosen = id;
  }

  /** Reads which models can teach the chosen one, and what an earlier visit left. */
  async look(): Promise<void> {
    const student = model.view?.id;
    try {
      await this.restore();
      if (student === undefined) return;
      const found = await this.#client.call((api) => api.teachers(student));
      if (model.view?.id === student) this.choices = found.filter(({ id, writes }) => writes && id !== student);
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Reads what an earlier visit left. */
  async restore(): Promise<void> {
    if (!this.#isFree()) return;
    try {
      const stored = await this.#store.ask((api) => api.teaching());
      if (stored !== null && this.#isFree()) [this.job, this.answers] = [stored.job, stored.answers];
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Why a teacher can't answer the questions of these data, or null. */
  problemOf({ format, columns }: DatasetView): string | null {
    return teachingProblem({ format, roles: columns.map(({ role }) => role) });
  }

  /** Lets the teacher answer the questions of the open dataset. */
  async start(): Promise<void> {
    const chosen = this.teacher;
    if (this.busy !== null || this.doing !== null || chosen === null) return;
    await this.#work('reading', async () => {
      const job = await this.#newJob(chosen);
      await this.#store.call((api) => api.beginTeaching(job));
      [this.job, this.answers] = [job, []];
      await this.#write(job);
    });
  }

  /** Goes on with what was stopped. */
  async carryOn(): Promise<void> {
    const { job } = this;
    if (job === null || this.busy !== null || this.doing !== null) return;
    await this.#work('loading', () => this.#write(job));
  }

  /** Stops the writing; the answers that are complete stay. */
  async stop(): Promise<void> {
    this.#cancelled = true;
    if (this.doing === 'loading') await model.cancelLoad().catch(() => undefined);
    await this.#client.call((api) => api.cancelGenerate()).catch((error: unknown) => (this.failure = failureOf(error)));
  }

  /** Opens what is written as a dataset. */
  async use(): Promise<void> {
    const { job } = this;
    if (job === null || this.doing !== null || this.taught === 0) return;
    await this.#work('opening', () => this.#open(job));
  }

  /** Forgets what is written. */
  async discard(): Promise<void> {
    if (this.doing !== null) return;
    await this.#work('opening', () => this.#forget());
  }

  async #work(doing: Teaching, work: () => Promise<void>): Promise<void> {
    this.doing = doing;
    this.#cancelled = false;
    this.failure = this.made = this.last = this.left = null;
    try {
      await navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
        if (lock === null) throw new CodedError('store/locked', ONE_AT_A_TIME);
        await work();
      });
    } catch (error) {
      if (!this.#isCancelled()) this.failure = failureOf(error);
    } finally {
      this.doing = this.left = null;
    }
  }

  async #newJob(chosen: TeacherView): Promise<TeachingJob> {
    const { view } = data;
    const seed = typeof recipe.at('seed') === 'number' ? Number(recipe.at('seed')) : 0;
    const { part, most, temperature, maxTokens, keepOriginal } = this;
    const found = await data.askEncoded((api, options) => api.teachingRows({ part, most, seed }, options));
    if (found === null || view === null)
      throw new CodedError('train/state', 'There are no data whose questions could be answered.');
    const { id, name } = chosen;
    return {
      ...found,
      ...{ startedAt: Date.now(), name: view.name, mapping: taughtMapping(view, found) },
      teacher: { id, name, precision: recipe.value?.basePrecision ?? 'stored' },
      ...{ temperature, maxTokens, seed, keepOriginal },
    };
  }

  async #write(job: TeachingJob): Promise<void> {
    this.doing = 'loading';
    await model.ensureLoaded(await this.#find(job.teacher), job.teacher.precision);
    if (this.#isCancelled()) return;
    this.doing = 'writing';
    const open = [...job.rows.keys()].filter((row) => this.answers.every(({ index }) => index !== row));
    const requests = open.map((index) => requestOf(job, index));
    const [started, before] = [performance.now(), this.answers.length];
    const take = (place: number, result: GenerateResult) => {
      const index = open[place];
      if (index === undefined || this.job !== job || this.answers.some((answer) => answer.index === index)) return;
      this.#take(job, index, result);
      const done = this.answers.length - before;
      const seconds = (performance.now() - started) / 1000;
      this.left = done < FEWEST ? null : (seconds / done) * (open.length - done);
    };
    const results = await this.#client.call((api) => api.answerAll(requests, callback(take)));
    // Some of the calls back may come after the results.
    for (const [place, result] of results.entries()) if (result !== null) take(place, result);
    await this.#saving;
    if (this.#isCancelled()) return;
    if (this.answers.length < job.rows.length)
      throw new CodedError('train/state', 'Other work took the teacher off the device. What was written is kept: carry on.');
    if (this.taught > 0) await this.#open(job);
  }

  #take(job: TeachingJob, index: number, { text, stopped }: GenerateResult): void {
    const answer = { index, text, ended: stopped === 'end' };
    this.answers = [...this.answers, answer];
    this.last = { question: job.rows[index]?.prompt.at(-1)?.content ?? '', text };
    this.#saving = this.#saving
      .then(() => this.#store.call((api) => api.addTaught([answer])))
      .catch((error: unknown) => void (this.failure = failureOf(error)));
  }

  /** The dataset of before stays in this browser where it is kept. */
  async #open(job: TeachingJob): Promise<void> {
    this.doing = 'opening';
    const file = taughtFile(job, this.answers);
    const rows = this.taught;
    const before = data.view;
    await data.open(file);
    const after = data.view;
    if (after === null || after === before || data.refused !== null) throw notOpened();
    // The rows were cleaned before they were answered.
    recipe.set('dataSteps', []);
    const names = after.columns.map(({ name }) => name);
    await data.remap(mappingAt(job.mapping, names), `As in ${job.name}.`);
    keepMapping(data, recipe);
    const objective = recipe.value?.objective;
    if (objective !== undefined && needsTeacher(objective)) recipe.chooseObjective('sft', 'the teacher’s answers');
    await this.#forget();
    this.made = { rows, teacher: job.teacher.name };
  }

  async #forget(): Promise<void> {
    await this.#store.call((api) => api.endTeaching());
    [this.job, this.answers, this.last] = [null, [], null];
  }

  async #find({ id, name }: TeachingJob['teacher']): Promise<Chosen> {
    const found = (await model.findSeen(id)) ?? teacher.given(id);
    if (found !== null) return found;
    throw new CodedError('model/files', `${name} is no longer in this browser. Get it again in the Model stage, then carry on.`);
  }

  #isFree(): boolean {
    return this.doing === null && this.job === null;
  }

  /** It may have been stopped while the teacher wrote. */
  #isCancelled(): boolean {
    return this.#cancelled;
  }

  #busy(): string | null {
    if (training.active) return 'Pause or stop the training first: it uses the device.';
    if (writing.doing !== null) return 'A model writes examples now. Wait until it has ended.';
    return otherTab.blocker;
  }
}

function requestOf({ rows, temperature, maxTokens, seed }: TeachingJob, index: number): GenerateRequest {
  const messages = rows[index]?.prompt ?? [];
  return { prompt: { messages }, maxTokens, temperature, topP: temperature > 0 ? 0.95 : 1, seed: (seed + index) % 2 ** 32 };
}

function notOpened(): CodedError {
  return new CodedError('data/parse', 'The teacher’s answers could not be opened as data. They are kept: try again.');
}

export const teaching = new TeachingState(trainClient, keepClient);
