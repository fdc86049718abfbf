/** What the answers of the data are rewarded with: the rewards of the recipe, tried before a run. */

import { trainClient, type WorkerClient } from '../client';
import type { DatasetView, RewardPreview, TrainApi } from '../../workers/api';
import type { Recipe } from '../recipe/recipe';
import { data } from './data.svelte';
import { currentEncoding } from './encoding';
import { failureOf, type Failure } from './failure';
import { model } from './model.svelte';
import { recipe } from './recipe.svelte';

/** What was tried. */
interface Tried {
  readonly rewards: string;
  readonly view: DatasetView;
}

export class RewardPreviews {
  readonly #client: WorkerClient<TrainApi>;
  #done = $state.raw<(Tried & { readonly preview: RewardPreview }) | null>(null);
  #failed = $state.raw<(Tried & { readonly failure: Failure }) | null>(null);
  busy = $state(false);
  /** Null once the rewards or the data are others. */
  readonly preview = $derived(this.#done !== null && isNow(this.#done) ? this.#done.preview : null);
  readonly failure = $derived(this.#failed !== null && isNow(this.#failed) ? this.#failed.failure : null);
  /** Why the rewards can't be tried now, or null. */
  readonly blocker = $derived.by(() => {
    if (data.view === null) return 'Choose a dataset first: its answers are scored.';
    if (model.view === null) return 'Choose a model first: its tokenizer is needed.';
    return recipe.value === null ? 'A setting of the recipe must be changed first.' : null;
  });

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  async run(): Promise<void> {
    const [view, chosen, settings, encoding] = [data.view, model.view, recipe.value, currentEncoding()];
    if (this.busy || view === null || chosen === null || settings === null || encoding === null) return;
    const tried = { rewards: rewardsOf(settings), view };
    this.busy = true;
    try {
      const { dataset } = await data.encode(encoding);
      if (model.chosen !== null && scoresByModel(settings)) await model.ensureLoaded(model.chosen, settings.basePrecision);
      const preview = await this.#client.call((api) => api.previewRewards(chosen.id, settings, dataset));
      [this.#done, this.#failed] = [{ ...tried, preview }, null];
    } catch (error) {
      this.#failed = { ...tried, failure: failureOf(error) };
    } finally {
      this.busy = false;
    }
  }
}

function isNow({ rewards, view }: Tried): boolean {
  return recipe.value !== null && rewards === rewardsOf(recipe.value) && view === data.view;
}

/** Models that score need their base on the device. */
function scoresByModel({ objective }: Recipe): boolean {
  return 'rewards' in objective && objective.rewards.some(({ kind }) => kind === 'model');
}

function rewardsOf({ objective }: Recipe): string {
  return JSON.stringify('rewards' in objective ? objective.rewards : null);
}

export const rewardPreviews = new RewardPreviews(trainClient);
