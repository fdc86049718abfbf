/** Whether another tab of this browser trains, checked about once a second. */

import { trainClient, type WorkerClient } from '../client';
import type { TrainApi } from '../../workers/api';
import { shareChoices } from './storage';

const EVERY_MS = 1000;
/** Time until the next check after one failed, so that a worker that can't start is not started every second. */
const AFTER_FAILURE_MS = 15_000;
/** A terminated worker keeps its locks until the browser has stopped it. */
const STOPPING_MS = 10_000;

export class OtherTab {
  readonly #client: WorkerClient<TrainApi>;
  /** The run that another tab trains, or null. */
  runId = $state<string | null>(null);
  /** Why nothing can be trained here now, or null. */
  readonly blocker = $derived(
    this.runId === null ? null : 'A run is being trained in another tab. Pause or stop it there first.',
  );
  #ignored: { readonly runId: string; readonly until: number } | null = null;

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /** Checks once. While another tab trains, this tab's choices are stored for this tab alone. */
  async look(): Promise<string | null> {
    const found = await this.#client.ask((api) => api.trainingElsewhere());
    this.runId = found !== null && this.isIgnored(found) ? null : found;
    shareChoices(this.runId === null);
    return this.runId;
  }

  /** For the next seconds the lock of `runId` belongs to a worker of this tab that is being stopped, not to another tab. */
  ignore(runId: string): void {
    this.#ignored = { runId, until: performance.now() + STOPPING_MS };
  }

  /** Calls `follow` about once a second; less often when it takes long or fails. */
  watch(follow: () => Promise<void>): void {
    const began = performance.now();
    const again = (ms: number) => setTimeout(() => this.watch(follow), ms);
    follow().then(
      () => again(Math.max(EVERY_MS, 4 * (performance.now() - began))),
      () => again(AFTER_FAILURE_MS),
    );
  }

  isIgnored(runId: string): boolean {
    return this.#ignored !== null && this.#ignored.runId === runId && performance.now() < this.#ignored.until;
  }
}

export const otherTab = new OtherTab(trainClient);
