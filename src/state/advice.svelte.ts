/** Advice for the open dataset: what matters in it beside the suggested data steps, each with its fixes, and how long to train. */

import type { DataFacts, DatasetView } from '../../workers/api';
import { adviceFor, suggestedRun, type Advice, type Fix, type Situation, type SuggestedRun } from '../advice';
import { changesFor, presetValues, type Change } from '../recipe/presets';
import { comparesAnswers, jobOf } from '../recipe/usual';
import { addSteps } from './cleaning.svelte';
import { data } from './data.svelte';
import { failureOf } from './failure';
import { chooseRole } from './mapping.svelte';
import { model } from './model.svelte';
import { recipe } from './recipe.svelte';

export type { Advice, Fix } from '../advice';

/** A suggestion for the run, and what it would change in the recipe. */
export interface RunAdvice extends SuggestedRun {
  readonly examples: number;
  readonly changes: readonly Change[];
}

/** How long the data have to stay as they are before they are counted, in milliseconds. */
const SETTLED = 200;

export class AdviceState {
  #facts = $state.raw<{ readonly view: DatasetView; readonly facts: DataFacts } | null>(null);
  /** What the last click on a fix did, in a sentence; empty before. */
  done = $state('');
  readonly #situation = $derived.by((): Situation | null => {
    const [{ view, stats }, value] = [data, recipe.value];
    if (view === null || value === null || this.#facts?.view !== view) return null;
    return { view, stats, facts: this.#facts.facts, recipe: value, context: model.view?.context ?? null };
  });
  readonly list = $derived<readonly Advice[]>(this.#situation === null ? [] : adviceFor(this.#situation));
  readonly run = $derived.by(() => this.#runAdvice());

  /** Counts what advice needs whenever the data have changed. Returns a function that stops it. */
  start(): () => void {
    return $effect.root(() => {
      $effect(() => {
        const { view, measuring } = data;
        // The model decides how answers end.
        const id = model.view?.id;
        if (view === null || measuring) return;
        const timer = setTimeout(() => void this.#count(view, id), SETTLED);
        return () => clearTimeout(timer);
      });
      $effect(() => {
        if (data.view === null) this.done = '';
      });
    });
  }

  /** Does what a fix says. */
  async apply(fix: Fix): Promise<void> {
    if (fix.kind === 'step') addSteps([fix.step]);
    else if (fix.kind === 'settings') {
      for (const [setting, value] of Object.entries(fix.values)) recipe.set(setting as keyof typeof fix.values, value);
    } else {
      const column = data.view?.columns.findIndex(({ name }) => name === fix.column) ?? -1;
      if (column >= 0) await chooseRole(column, fix.role);
    }
    this.done = `Done: ${fix.title}.`;
  }

  /** Takes the suggested epochs, length and preset. Returns what changed. */
  takeRun(): readonly Change[] {
    const { run } = this;
    if (run === null) return [];
    recipe.choosePreset(run.preset);
    recipe.set('epochs', run.epochs);
    recipe.set('sequenceLength', run.sequenceLength);
    return run.changes;
  }

  async #count(view: DatasetView, modelId: string | undefined): Promise<void> {
    const facts = await data
      .ask((api) => api.facts())
      .catch((error: unknown) => {
        failureOf(error);
        return null;
      });
    if (facts !== null && data.view === view && model.view?.id === modelId) this.#facts = { view, facts };
  }

  #runAdvice(): RunAdvice | null {
    const job = jobOf(recipe.draft);
    const suggested = this.#situation === null ? null : suggestedRun(this.#situation);
    if (job === null || suggested === null || data.stats === null) return null;
    const values = presetValues(suggested.preset, job);
    // More passes over pairs of answers make texts worse while the loss still falls.
    const epochs = comparesAnswers(job.objective) ? Math.min(3, suggested.epochs) : suggested.epochs;
    const { sequenceLength } = suggested;
    const changes = changesFor(recipe.draft, { ...values, epochs, sequenceLength });
    return { ...suggested, epochs, examples: data.stats.examples, changes };
  }
}

export const advice = new AdviceState();
