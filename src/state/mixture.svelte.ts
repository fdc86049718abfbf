/** The datasets that the next run is trained on beside the open one: the mixture of the recipe, and what their files have. */

import { keepClient, mixClient, type WorkerClient } from '../client';
import type {
  DataApi,
  DatasetUse,
  EncodedDataset,
  EncodedStats,
  KeepApi,
  KeptDataset,
  KeptFile,
  TokenizerFiles,
} from '../../workers/api';
import { Mutex } from '../core/mutex';
import { MOST_MIXED, readMixture, type MixedData, type Mixture } from '../recipe/mixture';
import { data, type Encoding } from './data.svelte';
import { failureOf, readFailure, type Failure } from './failure';
import { journal } from './journal.svelte';
import { kept } from './kept.svelte';
import { askMixed, mixedOptions, type MixedReading } from './mixed-data';
import { isLabelled, isObjectiveKind } from './objective';
import { recipe } from './recipe.svelte';

/** What was read of data that are mixed in. */
export interface Counted {
  readonly rows: number;
  readonly stats: EncodedStats;
}

interface Known {
  /** What the result depends on. */
  readonly key: string;
  readonly tokenizer: TokenizerFiles;
  /** Null when they can't be used. */
  readonly counted: Counted | null;
  readonly failure: Failure | null;
}

export class MixtureState {
  readonly #reader: WorkerClient<DataApi>;
  readonly #keeper: WorkerClient<KeepApi>;
  /** The worker holds one dataset at a time. */
  readonly #worker = new Mutex();
  /** By the hash of the data. */
  #known = $state.raw<Readonly<Record<string, Known>>>({});
  /** Name of the data that are read now; null while none are. */
  reading = $state<string | null>(null);
  /** Why a file could not be added. */
  failure = $state.raw<Failure | null>(null);
  #turn = 0;
  readonly value = $derived<Mixture | null>(readMixture(recipe.at('mixture')));
  readonly others = $derived<readonly MixedData[]>(this.value?.others ?? []);
  /** Kept datasets that can be added. */
  readonly candidates = $derived(
    kept.list.filter(({ hash }) => hash !== data.view?.hash && this.others.every((other) => other.hash !== hash)),
  );
  readonly full = $derived(this.others.length >= MOST_MIXED);

  constructor(reader: WorkerClient<DataApi>, keeper: WorkerClient<KeepApi>) {
    this.#reader = reader;
    this.#keeper = keeper;
  }

  /** What is known of data that are mixed in; null before they are read. */
  of(hash: string): Pick<Known, 'counted' | 'failure'> | null {
    return this.#known[hash] ?? null;
  }

  add({ hash, name, mapping, dataSteps }: Pick<KeptDataset, 'hash' | 'name' | 'mapping' | 'dataSteps'>): void {
    const other = { name, hash, weight: 1, mapping, dataSteps };
    this.#set({ weight: this.value?.weight ?? 1, others: [...this.others, other] });
  }

  /** Keeps the files in the browser as a dataset, and adds it unless it is part of the mixture. */
  async addFiles(files: readonly KeptFile[]): Promise<void> {
    const [first] = files;
    if (first === undefined || this.reading !== null) return;
    this.failure = null;
    this.reading = first.path;
    try {
      const added = await this.#worker.run(() => this.#keep(files));
      await kept.refresh();
      if (this.others.every(({ hash }) => hash !== added.hash)) this.add(added);
      else this.#known = withoutKey(this.#known, added.hash);
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.reading = null;
    }
  }

  remove(hash: string): void {
    const others = this.others.filter((other) => other.hash !== hash);
    this.#set(others.length === 0 || this.value === null ? null : { ...this.value, others });
  }

  /** Null: of the open data. */
  setWeight(hash: string | null, weight: number): void {
    const { value } = this;
    if (value === null) return;
    const others = value.others.map((other) => (other.hash === hash ? { ...other, weight } : other));
    this.#set({ weight: hash === null ? weight : value.weight, others });
  }

  /** Takes columns and data steps as the kept dataset has them now. */
  takeUse({ hash, mapping, dataSteps }: KeptDataset): void {
    const { value } = this;
    if (value === null) return;
    this.#set({
      ...value,
      others: value.others.map((other) => (other.hash === hash ? { ...other, mapping, dataSteps } : other)),
    });
  }

  /** Gives each dataset as many examples of a pass as the open one has. */
  equalise(own: number): void {
    const { value } = this;
    if (value === null) return;
    const weightOf = (hash: string) => {
      const train = this.of(hash)?.counted?.stats.parts?.train ?? 0;
      return train === 0 ? 1 : Math.min(100, Math.max(0.01, Number((own / train).toPrecision(3))));
    };
    this.#set({ weight: 1, others: value.others.map((other) => ({ ...other, weight: weightOf(other.hash) })) });
  }

  /** Counts what the mixed data have for a run that encodes so; only the newest call goes on. */
  async count(encoding: Encoding, labels: readonly string[]): Promise<void> {
    const turn = ++this.#turn;
    const reading = readingOf(encoding, labels);
    if (reading === null) return;
    for (const other of this.others) {
      const key = keyOf(reading, other);
      const before = this.#known[other.hash];
      if (before?.key === key && before.tokenizer === reading.tokenizer) continue;
      const known = await this.#worker.run(() => (turn === this.#turn ? this.#read(other, reading) : null));
      if (known === null || turn !== this.#turn) return;
      this.#known = { ...this.#known, [other.hash]: { key, tokenizer: reading.tokenizer, ...known } };
    }
    await this.#worker.run(() => this.#end());
  }

  /** Encodes the mixed data for a run, in the order of its mixture. Throws coded errors. */
  async encode(mixture: Mixture | null, encoding: Encoding, labels: readonly string[]): Promise<readonly EncodedDataset[]> {
    const reading = readingOf(encoding, labels);
    if (mixture === null || reading === null) return [];
    this.#turn++;
    return this.#worker.run(async () => {
      const all: EncodedDataset[] = [];
      for (const other of mixture.others) {
        const { answer } = await askMixed(this.#reader, this.#keeper, other, reading, (api, options) => api.encode(options));
        all.push(answer);
      }
      this.#end();
      return all;
    });
  }

  /** The size of the open data with those that are mixed in, as far as they are read. */
  sizeWith(sequenceLength: number, stats: EncodedStats): EncodedStats {
    const { value } = this;
    if (value === null) return stats;
    const all = [{ weight: value.weight, stats }, ...value.others.flatMap(({ hash, weight }) => this.#counted(hash, weight))];
    const rows = all.reduce((sum, one) => sum + Math.ceil((one.weight * one.stats.packedTokens) / sequenceLength), 0);
    const part = (name: 'train' | 'heldOut' | 'test' | 'removed') =>
      all.reduce((sum, one) => sum + (one.stats.parts?.[name] ?? 0), 0);
    const parts = { train: part('train'), heldOut: part('heldOut'), test: part('test'), removed: part('removed') };
    return { ...stats, packedTokens: rows * sequenceLength, ...(stats.parts && { parts }) };
  }

  /** Why no run can start with this mixture, in a sentence, or null. */
  readonly blocker = $derived.by((): string | null => {
    for (const { hash, name } of this.others) {
      if (hash === data.view?.hash) return `${name} is open and part of the mixture, too. Take it out under Data, Mix.`;
      const failure = this.of(hash)?.failure ?? null;
      if (failure !== null) return `${name} can’t be mixed in. ${failure.message}`;
    }
    return null;
  });

  #counted(hash: string, weight: number): readonly { readonly weight: number; readonly stats: EncodedStats }[] {
    const counted = this.of(hash)?.counted ?? null;
    return counted === null ? [] : [{ weight, stats: counted.stats }];
  }

  /** Frees what the worker holds. Only while no other call waits for it. */
  #end(): void {
    this.#reader.kill('it has read its data');
  }

  #set(mixture: Mixture | null): void {
    recipe.set('mixture', mixture);
  }

  async #read(other: MixedData, reading: MixedReading): Promise<Pick<Known, 'counted' | 'failure'>> {
    this.reading = other.name;
    try {
      const { view, answer } = await askMixed(this.#reader, this.#keeper, other, reading, (api, options) => api.measure(options));
      const { parts } = answer;
      journal({ event: 'mixed', name: other.name, train: parts?.train ?? 0, heldOut: parts?.heldOut ?? 0 });
      return { counted: { rows: view.rows, stats: answer }, failure: null };
    } catch (error) {
      return { counted: null, failure: readFailure(error) };
    } finally {
      this.reading = null;
    }
  }

  async #keep(files: readonly KeptFile[]): Promise<KeptDataset> {
    const view = await this.#reader.call((api) => api.open(files, { dataSteps: [], seed: 0 }));
    this.#end();
    const { name, rows, examples, task } = view;
    const known = kept.find(view.hash);
    const use: DatasetUse = known ?? { name, rows, examples, task: task.task, mapping: null, dataSteps: [], usedAt: Date.now() };
    return this.#keeper.call((api) => api.keep(view.hash, files, useOf(use)));
  }
}

/** Of data that are read again. */
function withoutKey<T>(all: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(all).filter(([one]) => one !== key));
}

function useOf({ name, rows, examples, task, mapping, dataSteps, usedAt }: DatasetUse): DatasetUse {
  return { name, rows, examples, task, mapping, dataSteps, usedAt };
}

/** Null while the objective is none. */
function readingOf({ tokenizer, options }: Encoding, labels: readonly string[]): MixedReading | null {
  const objective = recipe.at('objective.kind');
  return isObjectiveKind(objective) ? { tokenizer, options, objective, labels } : null;
}

function keyOf(reading: MixedReading, other: MixedData): string {
  return JSON.stringify([reading.objective, other.mapping, mixedOptions(reading, other)]);
}

/** The labels of the open data by index, none where it has none; null while they are not counted. */
export function openLabels(): readonly string[] | null {
  const [kind, names] = [recipe.at('objective.kind'), data.stats?.slots?.layout.names];
  return isObjectiveKind(kind) && isLabelled(kind) ? (names ?? null) : [];
}

export const mixtures = new MixtureState(mixClient, keepClient);
