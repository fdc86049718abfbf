/** Adapters combined to one: which take part, with which weights, and how. */

import { trainClient, type WorkerClient } from '../client';
import type { RunView, TrainApi } from '../../workers/api';
import { prunes, type CombinationKind } from '../recipe/combinations';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { predicts } from './objective';
import { runName } from './run-status';
import { runs } from './runs.svelte';
import { use } from './use.svelte';

export class Combining {
  readonly #client: WorkerClient<TrainApi>;
  kind = $state<CombinationKind>('linear');
  density = $state(0.5);
  seed = $state(42);
  working = $state(false);
  failure = $state.raw<Failure | null>(null);
  /** The weights of the chosen runs by their ids. */
  #weights = $state.raw<Readonly<Record<string, number>>>({});
  /** The runs that may take part: LoRA adapters, that write text, of the model of the run that is used. */
  readonly candidates = $derived(use.candidates.filter((run) => suits(run) && run.modelId === use.run?.modelId));
  readonly chosen = $derived(this.candidates.filter(({ id }) => Object.hasOwn(this.#weights, id)));
  /** Why nothing can be combined now, or null. */
  readonly blocker = $derived.by(() => this.#blocker());

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /** The weight of a run; null when it does not take part. */
  weightOf({ id }: Pick<RunView, 'id'>): number | null {
    return this.#weights[id] ?? null;
  }

  /** Takes a run, or leaves it out. All that take part get the same weight, 1 in sum. */
  toggle({ id }: Pick<RunView, 'id'>, on: boolean): void {
    const ids = this.chosen.map((run) => run.id).filter((one) => one !== id);
    const next = on ? [...ids, id] : ids;
    this.#weights = Object.fromEntries(next.map((one) => [one, Math.round(1000 / next.length) / 1000]));
  }

  weigh({ id }: Pick<RunView, 'id'>, weight: number): void {
    this.#weights = { ...this.#weights, [id]: weight };
  }

  /** Keeps the combined adapter as a run, which is chosen in the Use stage. */
  async combine(): Promise<void> {
    if (this.blocker !== null || this.working) return;
    const { kind, density, seed, chosen } = this;
    const of = chosen.map((run) => ({ runId: run.id, step: null, weight: this.weightOf(run) ?? 0 }));
    const name = runName(
      'combined',
      chosen
        .map((run) => run.name)
        .join(' + ')
        .slice(0, 80),
      runs.list.map((run) => run.name),
    );
    [this.working, this.failure] = [true, null];
    try {
      const run = await this.#client.call((api) => api.combineAdapters({ name, of, kind, density, seed }));
      await runs.refresh();
      use.choose(run.id);
      journal({ event: 'combined', name: run.name, kind, of: chosen.map((one) => one.name) });
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.working = false;
    }
  }

  #blocker(): string | null {
    if (this.chosen.length < 2) return 'Choose two adapters or more.';
    if (this.chosen.some((run) => !Number.isFinite(this.weightOf(run)))) return 'Each weight must be a number.';
    if (prunes(this.kind) && !(this.density > 0 && this.density <= 1))
      return 'The share that stays must be above 0 and at most 1.';
    if (!Number.isInteger(this.seed) || this.seed < 0) return 'The seed must be a whole number.';
    return null;
  }
}

function suits({ recipe: { method, objective } }: RunView): boolean {
  return method.kind === 'lora' && !method.useDora && !predicts(objective.kind);
}

export const combining = new Combining(trainClient);
