/** Forecasts of models that are not on this device, with the present settings and data. They are made one after the other, while the page has time. */

import { SvelteMap } from 'svelte/reactivity';
import type { DataSize, ModelOutline } from '../../../workers/api';
import { whenIdle } from '../../core/idle';
import { data } from '../../state/data.svelte';
import { device } from '../../state/device.svelte';
import { hub, type Prospect } from '../../state/hub.svelte';
import { model } from '../../state/model.svelte';
import { isCountedFor } from '../../state/objective';
import { recipe } from '../../state/recipe.svelte';
import { training } from '../../state/training.svelte';

/** Milliseconds after a change before forecasts are made. */
const SETTLE_MS = 800;

export class Prospects {
  readonly #outlines: readonly ModelOutline[];
  readonly #known = new SvelteMap<string, Prospect>();
  /** The present data, if they are counted as the recipe's objective needs it. */
  readonly #size = $derived.by((): DataSize | null => {
    const [stats, value] = [data.stats, recipe.value];
    return stats !== null && value !== null && isCountedFor(value.objective.kind, stats) ? stats : null;
  });
  readonly hasData = $derived(this.#size !== null);

  constructor(outlines: readonly ModelOutline[]) {
    this.#outlines = outlines;
  }

  of(name: string): Prospect | null {
    return this.#known.get(name) ?? null;
  }

  /** Makes the forecasts again when settings or data have changed. To be called in an effect; returns what stops it. */
  follow(): () => void {
    const [value, size] = [recipe.value, this.#size];
    const ready = value !== null && device.view !== null && !model.inspecting && !training.active;
    // A forecast has a time once the device is measured.
    const stop = new AbortController();
    if (ready) {
      // eslint-disable-next-line @typescript-eslint/no-meaningless-void-operator -- a dependency
      void device.measured;
      const timer = setTimeout(() => whenIdle(() => void this.#make(value, size, stop.signal)), SETTLE_MS);
      stop.signal.addEventListener('abort', () => clearTimeout(timer));
    }
    return () => stop.abort();
  }

  async #make(value: NonNullable<typeof recipe.value>, size: DataSize | null, signal: AbortSignal): Promise<void> {
    for (const outline of this.#outlines) {
      const prospect = await hub.prospect(outline, value, size);
      if (signal.aborted) return;
      this.#known.set(outline.name, prospect);
    }
  }
}
