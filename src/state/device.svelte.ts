/** The device that trains: opened at the start, and again after its worker died. */

import { trainClient, type WorkerClient } from '../client';
import type { DeviceOptions, DeviceView, ExecutorKind, TrainApi } from '../../workers/api';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';

export class DeviceState {
  readonly #client: WorkerClient<TrainApi>;
  view = $state.raw<DeviceView | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  /** How fast the device computes is known, so that forecasts have a time. */
  measured = $state(false);
  #choice: 'auto' | ExecutorKind = 'auto';
  #options: DeviceOptions = {};
  #opening: Promise<DeviceView> | null = null;

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
    client.onDeath(() => this.#onDeath());
  }

  /** Opens the device and reports it in the journal. */
  async open(choice: 'auto' | ExecutorKind, options: DeviceOptions = {}): Promise<void> {
    this.#choice = choice;
    this.#options = options;
    const view = await this.#find();
    if (view !== null) journal({ event: 'ready', adapter: view.adapter, backend: view.executor });
  }

  /** Opens a device in the present worker unless it has one. Throws coded errors. */
  async ensureOpen(): Promise<DeviceView> {
    if (this.view !== null) return this.view;
    this.#opening ??= this.#client
      .call((api) => api.openDevice(this.#choice, this.#options))
      .finally(() => (this.#opening = null));
    this.view = await this.#opening;
    this.failure = null;
    return this.view;
  }

  /** Measures how fast the device computes, once in a visit. A failure leaves forecasts without a time. */
  async measure(): Promise<void> {
    if (this.measured || this.view === null) return;
    this.measured = await this.#client.call((api) => api.measurePace()).catch(() => false);
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

  /** Opens the device in the next worker; not when the worker died before it had one, which would repeat for ever. */
  #onDeath(): void {
    if (this.view === null) return;
    this.view = null;
    void this.#find();
  }
}

export const device = new DeviceState(trainClient);
