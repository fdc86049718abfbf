/** All runs kept in this browser: the list, names and notes, the rows of those that are compared, deletion. */

import { SvelteMap } from 'svelte/reactivity';
import { trainClient, type WorkerClient } from '../client';
import type { RunHistory, RunView, TrainApi } from '../../workers/api';
import { Mutex } from '../core/mutex';
import { failureOf, type Failure } from './failure';
import { space } from './space.svelte';

/** The rows of a run, and when its record was changed before they were read. */
interface ReadRows {
  readonly updatedAt: number;
  readonly history: RunHistory;
}

export class Runs {
  readonly #client: WorkerClient<TrainApi>;
  readonly #editing = new Mutex();
  list = $state.raw<readonly RunView[]>([]);
  failure = $state.raw<Failure | null>(null);
  /** The list has been read at least once. */
  known = $state(false);
  readonly #rows = new SvelteMap<string, ReadRows>();
  /** Runs whose rows are being read. */
  #reading: readonly string[] = [];
  #turn = 0;
  #listFailure: Failure | null = null;

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

  /** Shows the new name at once and stores it. */
  async rename(id: string, name: string): Promise<void> {
    const wanted = name.trim();
    if (wanted === '' || wanted === this.find(id)?.name) return;
    await this.#edit(id, { name: wanted }, (api) => api.renameRun(id, wanted));
  }

  /** Keeps what the user wrote about a run. */
  async note(id: string, notes: string): Promise<void> {
    const wanted = notes.trim();
    if (wanted === (this.find(id)?.notes ?? '')) return;
    await this.#edit(id, { notes: wanted }, (api) => api.noteRun(id, wanted));
  }

  /** Shows a change at once and stores it; several changes are stored in the order they were given. */
  async #edit(id: string, change: Partial<RunView>, store: (api: Pick<TrainApi, 'renameRun' | 'noteRun'>) => Promise<void>) {
    this.#turn++;
    this.list = this.list.map((run) => (run.id === id ? { ...run, ...change } : run));
    await this.#guard(() => this.#editing.run(() => this.#client.call(store)));
    await this.refresh();
  }

  async remove(id: string): Promise<void> {
    const bytes = this.find(id)?.checkpoints.reduce((sum, checkpoint) => sum + checkpoint.bytes, 0) ?? 0;
    await this.#guard(async () => {
      await this.#client.call((api) => api.deleteRun(id));
      await space.release(bytes);
    });
    this.#rows.delete(id);
    await this.refresh();
  }

  /** The rows of a run as they were read last; null while they are not known. */
  historyOf(id: string): RunHistory | null {
    return this.#rows.get(id)?.history ?? null;
  }

  /** Reads the rows of runs that were not read yet, or that were trained since. */
  async read(ids: readonly string[]): Promise<void> {
    const stale = ids.flatMap((id) => {
      const run = this.find(id);
      return run === null || this.#reading.includes(id) || this.#rows.get(id)?.updatedAt === run.updatedAt ? [] : [run];
    });
    await Promise.all(stale.map((run) => this.#read(run)));
  }

  async #read({ id, updatedAt }: RunView): Promise<void> {
    this.#reading = [...this.#reading, id];
    try {
      this.#rows.set(id, { updatedAt, history: await this.#client.ask((api) => api.history(id)) });
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.#reading = this.#reading.filter((one) => one !== id);
    }
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
