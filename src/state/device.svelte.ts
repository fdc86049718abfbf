/** The machine that trains: found once at the start, found again when its worker died. */

import { trainClient, type WorkerClient } from '../client';
import type { DeviceOptions, DeviceView, ExecutorKind, TrainApi } from '../../workers/api';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';

export class DeviceState {
  readonly #client: WorkerClient<TrainApi>;
  view = $state.raw<DeviceView | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  #choice: 'auto' | ExecutorKind = 'auto';
  #options: DeviceOptions = {};
  #opening: Promise<DeviceView> | null = null;

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
    client.onDeath(() => this.#onDeath());
  }

  /** Finds the device and says so in the journal. */
  async open(choice: 'auto' | ExecutorKind, options: DeviceOptions = {}): Promise<void> {
    this.#choice = choice;
    this.#options = options;
    const view = await this.#find();
    if (view !== null) journal({ event: 'ready', adapter: view.adapter, backend: view.executor });
  }

  /** Makes sure that the worker holds a device, also after it was replaced. Throws coded errors. */
  async ensureOpen(): Promise<DeviceView> {
    if (this.view !== null) return this.view;
    this.#opening ??= this.#client
      .call((api) => api.openDevice(this.#choice, this.#options))
      .finally(() => (this.#opening = null));
    this.view = await this.#opening;
    this.failure = null;
    return this.view;
  }

  async #find(): Promise<DeviceView | null> {
    this.busy = true;
    try {
      return await this.ensureOpen();
    } catch (error) {
      this.failure = failureOf(error);
      return null;
    } finally {
      this.busy = false;
    }
  }

  /** Finds the device again with the next worker; not when the worker never came so far, or it would go on for ever. */
  #onDeath(): void {
    if (this.view === null) return;
    this.view = null;
    void this.#find();
  }
}

export const device = new DeviceState(trainClient);
