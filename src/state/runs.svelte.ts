/** All runs kept in this browser: listed, named, compared, deleted. */

import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { trainClient, type WorkerClient } from '../client';
import type { RunHistory, RunView, TrainApi } from '../../workers/api';
import { failureOf, type Failure } from './failure';

export interface ComparedRun {
  readonly run: RunView;
  readonly history: RunHistory;
}

export class Runs {
  readonly #client: WorkerClient<TrainApi>;
  list = $state.raw<readonly RunView[]>([]);
  failure = $state.raw<Failure | null>(null);
  /** The list has been read at least once. */
  known = $state(false);
  /** Ids of the runs in the comparison, in the order they were ticked. */
  readonly compared = new SvelteSet<string>();
  readonly #histories = new SvelteMap<string, RunHistory>();

  readonly comparison = $derived(
    [...this.compared].flatMap((id): ComparedRun[] => {
      const run = this.list.find((one) => one.id === id);
      const history = this.#histories.get(id);
      return run && history ? [{ run, history }] : [];
    }),
  );

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  async refresh(): Promise<void> {
    await this.#guard(async () => {
      const list = await this.#client.ask((api) => api.runs());
      this.list = [...list].sort((a, b) => b.updatedAt - a.updatedAt);
      this.known = true;
    });
  }

  async rename(id: string, name: string): Promise<void> {
    const wanted = name.trim();
    if (wanted === '' || wanted === this.list.find((run) => run.id === id)?.name) return;
    await this.#guard(() => this.#client.call((api) => api.renameRun(id, wanted)));
    await this.refresh();
  }

  async remove(id: string): Promise<void> {
    await this.#guard(() => this.#client.call((api) => api.deleteRun(id)));
    this.compared.delete(id);
    await this.refresh();
  }

  /** Puts a run into the comparison or takes it out. */
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

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.failure = null;
    } catch (error) {
      this.failure = failureOf(error);
    }
  }
}

export const runs = new Runs(trainClient);
