/** Adapters that other programs trained, kept as runs on the chosen model. */

import { trainClient, type WorkerClient } from '../client';
import type { TrainApi } from '../../workers/api';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { model } from './model.svelte';
import { runs } from './runs.svelte';
import { use } from './use.svelte';

export class AdapterImport {
  readonly #client: WorkerClient<TrainApi>;
  reading = $state(false);
  failure = $state.raw<Failure | null>(null);
  /** Why no adapter can be read now, or null. */
  readonly blocker = $derived(model.view === null ? 'Choose the model that it was trained on first.' : null);

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /** Reads the files of an adapter, `name` being that of their folder, and chooses it in the Use stage. */
  async take(files: readonly File[], name: string | null): Promise<void> {
    const chosen = model.view;
    if (chosen === null || this.reading) return;
    [this.reading, this.failure] = [true, null];
    try {
      const run = await this.#client.call((api) => api.importAdapter(chosen.id, files, name));
      await runs.refresh();
      use.choose(run.id);
      journal({ event: 'imported', name: run.name, model: run.modelName, trainable: run.trainable });
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.reading = false;
    }
  }
}

export const adapterImport = new AdapterImport(trainClient);
