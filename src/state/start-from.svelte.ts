/** What the next run starts from. */

import type { RunView } from '../../workers/api';
import { runs } from './runs.svelte';

export class StartFrom {
  #id = $state<string | null>(null);
  /** The run whose newest checkpoint is the start; null: a new adapter, or the model as it is. */
  readonly run = $derived(runs.find(this.#id));

  choose(run: RunView | null): void {
    this.#id = run?.id ?? null;
  }
}

export const startFrom = new StartFrom();
