/** The measurement of the device: what it reaches, with a step of the chosen model. */

import { trainClient, type WorkerClient } from '../client';
import type { DeviceReport, TrainApi } from '../../workers/api';
import { data } from './data.svelte';
import { device } from './device.svelte';
import { failureOf, type Failure } from './failure';
import { model } from './model.svelte';
import { encodingOf } from './objective';
import { otherTab } from './other-tab.svelte';
import { recipe } from './recipe.svelte';
import { teacher } from './teacher.svelte';
import { training } from './training.svelte';

/** A report, and what it is of. */
export interface Reported {
  readonly adapter: string;
  readonly model: string;
  readonly report: DeviceReport;
}

export class DeviceReports {
  readonly #client: WorkerClient<TrainApi>;
  reported = $state.raw<Reported | null>(null);
  busy = $state(false);
  failure = $state.raw<Failure | null>(null);
  /** Why nothing can be measured now, or null. */
  readonly blocker = $derived.by(() => {
    if (training.active) return 'Pause or stop the training first: it uses the device.';
    if (otherTab.blocker !== null) return otherTab.blocker;
    if (device.view === null) return 'There is no device yet.';
    if (model.view === null) return 'Choose a model first: a step of it is measured.';
    if (recipe.value === null) return 'A setting of the recipe must be changed first.';
    const counted = encodingOf(recipe.value.objective.kind) === null || data.stats !== null;
    return counted ? null : 'Choose a dataset first: a step depends on its examples.';
  });

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  async measure(): Promise<void> {
    const [chosen, settings, adapter] = [model.view, recipe.value, device.view?.adapter];
    if (this.busy || this.blocker !== null || chosen === null || settings === null || adapter === undefined) return;
    this.busy = true;
    this.failure = null;
    try {
      const slots = encodingOf(settings.objective.kind) === null ? undefined : data.stats?.slots;
      const report = await this.#client.call((api) => api.reportDevice(chosen.id, settings, slots, teacher.value ?? undefined));
      this.reported = { adapter, model: chosen.name, report };
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.busy = false;
    }
  }
}

export const deviceReports = new DeviceReports(trainClient);
