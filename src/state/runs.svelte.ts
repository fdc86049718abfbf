/** All runs kept in this browser: the list, renaming, comparison, deletion. */

import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { trainClient, type WorkerClient } from '../client';
import type { RunHistory, RunView, TrainApi } from '../../workers/api';
import { Mutex } from '../core/mutex';
import { failureOf, type Failure } from './failure';
import { space } from './space.svelte';

export interface ComparedRun {
  readonly run: RunView;
  readonly history: RunHistory;
}

export class Runs {
  readonly #client: WorkerClient<TrainApi>;
  readonly #renaming = new Mutex();
  list = $state.raw<readonly RunView[]>([]);
  failure = $state.raw<Failure | null>(null);
  /** The list has been read at least once. */
  known = $state(false);
  /** Ids of the runs in the comparison, in the order they were ticked. */
  readonly compared = new SvelteSet<string>();
  readonly #histories = new SvelteMap<string, RunHistory>();
  #turn = 0;
  #listFailure: Failure | null = null;

  readonly comparison = $derived(
    [...this.compared].flatMap((id): ComparedRun[] => {
      const run = this.find(id);
      const history = this.#histories.get(id);
      return run && history ? [{ run, history }] : [];
    }),
  );

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  find(id: string | null): RunView | null {
    return this.list.find((run) => run.id === id) ?? null;
  }

  /** Reads the list; only the answer to the newest request is taken. */
  async refresh(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const list = await this.#client.ask((api) => api.runs());
      if (turn !== this.#turn) return;
      this.list = [...list].sort((a, b) => b.updatedAt - a.updatedAt);
      this.known = true;
      this.#setListFailure(null);
    } catch (error) {
      if (turn === this.#turn) this.#setListFailure(failureOf(error));
    }
  }

  /** Shows the new name at once and stores it; several names for one run are stored in the order they were given. */
  async rename(id: string, name: string): Promise<void> {
    const wanted = name.trim();
    if (wanted === '' || wanted === this.find(id)?.name) return;
    this.#turn++;
    this.list = this.list.map((run) => (run.id === id ? { ...run, name: wanted } : run));
    await this.#guard(() => this.#renaming.run(() => this.#client.call((api) => api.renameRun(id, wanted))));
    await this.refresh();
  }

  async remove(id: string): Promise<void> {
    const bytes = this.find(id)?.checkpoints.reduce((sum, checkpoint) => sum + checkpoint.bytes, 0) ?? 0;
    await this.#guard(async () => {
      await this.#client.call((api) => api.deleteRun(id));
      await space.release(bytes);
    });
    this.compared.delete(id);
    await this.refresh();
  }

  /** Adds a run to the comparison or removes it. */
  async compare(id: string, on: boolean): Promise<void> {
    if (!on) {
      this.compared.delete(id);
      return;
    }
    this.compared.add(id);
    await this.#guard(async () => {
      this.#histories.set(id, await this.#client.ask((api) => api.history(id)));
    });
  }

  /** Reading the list clears only its own failure, not that of the action before it. */
  #setListFailure(failure: Failure | null): void {
    if (failure !== null || this.failure === this.#listFailure) this.failure = failure;
    this.#listFailure = failure;
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

export const runs = new Runs(trainClient);
