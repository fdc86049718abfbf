/**
 * The datasets that this browser keeps: each that is opened is kept, with the use of its columns and its data steps, so that it opens as
 * it was left. The samples of the page are not kept.
 */

import { keepClient, type WorkerClient } from '../client';
import type { DatasetUse, DatasetView, KeepApi, KeptDataset, KeptFile } from '../../workers/api';
import { whenIdle } from '../core/idle';
import { readDataSteps } from '../recipe/data-steps';
import { readMapping } from '../recipe/mapping';
import { data } from './data.svelte';
import { failureOf, type Failure } from './failure';
import { mappingOf } from './mapping.svelte';
import { recipe } from './recipe.svelte';
import { space } from './space.svelte';
import { recall, remember } from './storage';
import { task } from './task.svelte';

/** A dataset of more bytes is kept only when the user says so. */
export const LARGE = 512e6;

/** How long after a change the use of a dataset is stored, in milliseconds. */
const SETTLED = 400;

/** A dataset that is open, and its files. */
interface Opened {
  readonly hash: string;
  readonly name: string;
  readonly bytes: number;
  readonly files: readonly KeptFile[];
}

export class Kept {
  readonly #client: WorkerClient<KeepApi>;
  /** The one that was used last first. */
  list = $state.raw<readonly KeptDataset[]>([]);
  /** Whether data that are opened are kept. */
  on = $state(recall('keepData') !== false);
  /** Why the last thing asked for did not succeed. */
  failure = $state.raw<Failure | null>(null);
  /** The open dataset, when it is so large that the user has to say whether it is kept. */
  large = $state.raw<Opened | null>(null);
  /** The dataset that is being written. */
  writing = $state<string | null>(null);
  /** Hash of the open dataset while it is kept. */
  current = $state<string | null>(null);
  /** The open dataset was known, and has columns and steps as they were left. */
  known = $state.raw<KeptDataset | null>(null);
  #opened: Opened | null = null;
  /** Counts the datasets that were opened. */
  #turn = 0;

  constructor(client: WorkerClient<KeepApi>) {
    this.#client = client;
  }

  /** Keeps what is opened from now on. Returns a function that stops it. */
  start(): () => void {
    data.openLast = () => this.#openLast();
    data.opened = (files, sample, restored) => void this.#take(files, sample, restored);
    whenIdle(() => void this.refresh());
    return $effect.root(() => {
      $effect(() => {
        const use = this.#presentUse();
        if (use === null) return;
        const timer = setTimeout(() => void this.#storeUse(...use), SETTLED);
        return () => clearTimeout(timer);
      });
    });
  }

  find(hash: string | undefined): KeptDataset | null {
    return this.list.find((one) => one.hash === hash) ?? null;
  }

  async refresh(): Promise<void> {
    try {
      this.list = await this.#client.ask((api) => api.list());
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Opens a kept dataset with the columns and steps that it had. */
  async open(hash: string): Promise<void> {
    const found = this.find(hash);
    if (found === null) return;
    this.current = null;
    this.#takeUse(found);
    await data.openKept(() => this.#files(hash), found.name, false);
  }

  async rename(hash: string, name: string): Promise<void> {
    const found = this.find(hash);
    const wanted = name.trim();
    if (found === null || wanted === '' || wanted === found.name) return;
    await this.#guard(() => this.#client.call((api) => api.use(hash, { ...useOf(found), name: wanted })));
    await this.refresh();
  }

  /** Deletes a kept dataset; one that is open is closed. */
  async remove(hash: string): Promise<void> {
    const bytes = this.find(hash)?.bytes ?? 0;
    if (this.current === hash) {
      this.#forget();
      await data.close();
    }
    await this.#guard(async () => {
      await this.#client.call((api) => api.delete(hash));
      await space.release(bytes);
    });
    await this.refresh();
  }

  /** Keeps data that are opened, or no more; what is kept stays. */
  async choose(on: boolean): Promise<void> {
    this.on = on;
    remember('keepData', on ? null : false);
    const opened = this.#opened;
    if (on && opened !== null && this.current === null) await this.#keepUnlessLarge(opened, this.#turn);
    if (!on) this.large = null;
  }

  /** Keeps the open dataset although it is large. */
  async keepLarge(): Promise<void> {
    const { large } = this;
    this.large = null;
    if (large !== null) await this.#keep(large, this.#turn);
  }

  /** Leaves the columns and steps that a known dataset had. */
  async startAfresh(): Promise<void> {
    this.known = null;
    recipe.set('mapping', null);
    recipe.set('dataSteps', []);
    await task.takeAgain();
  }

  async #openLast(): Promise<void> {
    const hash = recall('dataset');
    if (typeof hash !== 'string') return;
    await this.refresh();
    await data.openKept(() => this.#files(hash), this.find(hash)?.name ?? 'The dataset of the last visit', true);
    if (data.view === null) remember('dataset', null);
  }

  async #files(hash: string): Promise<readonly KeptFile[]> {
    return this.#client.ask((api) => api.open(hash));
  }

  /** A dataset is shown. */
  async #take(files: readonly KeptFile[], sample: boolean, restored: boolean): Promise<void> {
    const turn = ++this.#turn;
    this.#forget();
    const { view } = data;
    if (sample || view === null) return;
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    const opened = { hash: view.hash, name: view.name, bytes, files };
    this.#opened = opened;
    await this.refresh();
    const found = this.find(view.hash);
    if (turn !== this.#turn) return;
    if (found === null) {
      if (this.on) await this.#keepUnlessLarge(opened, turn);
      return;
    }
    if (!restored) await this.#reuse(found, view);
    if (turn === this.#turn) await this.#keep(opened, turn);
  }

  #forget(): void {
    this.current = this.large = this.known = this.#opened = null;
    remember('dataset', null);
  }

  async #keepUnlessLarge(opened: Opened, turn: number): Promise<void> {
    if (opened.bytes > LARGE) this.large = opened;
    else await this.#keep(opened, turn);
  }

  async #keep({ hash, files, name }: Opened, turn: number): Promise<void> {
    this.writing = name;
    await this.#guard(async () => {
      const { view } = data;
      if (view === null || view.hash !== hash) return;
      const use = { ...this.#useNow(view), name: this.find(hash)?.name ?? view.name };
      await this.#client.call((api) => api.keep(hash, files, use));
      if (turn !== this.#turn) return;
      this.current = hash;
      remember('dataset', hash);
    });
    this.writing = null;
    await this.refresh();
  }

  /** Gives a dataset that is opened again the columns and steps that it had. */
  async #reuse(found: KeptDataset, view: DatasetView): Promise<void> {
    if (!this.#takeUse(found)) return;
    this.known = found;
    const mapping = mappingOf(recipe, view);
    if (mapping === null) await task.takeAgain();
    else await data.remap(mapping, 'As you left it.');
  }

  /** Writes the use of a dataset into the recipe; not over a recipe that was read from a file. Returns whether it changed. */
  #takeUse({ mapping, dataSteps }: KeptDataset): boolean {
    const same = (setting: 'mapping' | 'dataSteps', value: unknown) =>
      JSON.stringify(recipe.at(setting)) === JSON.stringify(value);
    if (recipe.objectiveFrom !== null || (same('mapping', mapping) && same('dataSteps', dataSteps))) return false;
    recipe.set('mapping', mapping);
    recipe.set('dataSteps', dataSteps);
    return true;
  }

  /** How the open dataset is used now; null while it is not kept, or a data step has a problem. */
  #presentUse(): readonly [hash: string, use: DatasetUse] | null {
    const [{ view }, hash] = [data, this.current];
    if (view === null || hash === null || view.hash !== hash || readDataSteps(recipe.at('dataSteps')) === null) return null;
    return [hash, this.#useNow(view)];
  }

  #useNow(view: DatasetView): DatasetUse {
    return {
      ...{ name: view.name, rows: view.rows, examples: view.examples, task: view.task.task },
      mapping: readMapping(recipe.at('mapping')),
      dataSteps: readDataSteps(recipe.at('dataSteps')) ?? [],
      usedAt: Date.now(),
    };
  }

  /** Stores how a dataset is used; the name that the user gave it stays. */
  async #storeUse(hash: string, use: DatasetUse): Promise<void> {
    const name = this.find(hash)?.name ?? use.name;
    await this.#guard(() => this.#client.call((api) => api.use(hash, { ...use, name })));
    await this.refresh();
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    this.failure = null;
    try {
      await work();
    } catch (error) {
      this.failure = failureOf(error);
    }
  }
}

function useOf({ name, rows, examples, task: of, mapping, dataSteps, usedAt }: KeptDataset): DatasetUse {
  return { name, rows, examples, task: of, mapping, dataSteps, usedAt };
}

export const kept = new Kept(keepClient);
