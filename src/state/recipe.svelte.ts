/** The recipe as it is edited: every setting, what is wrong with it, and what a run with it would take. */

import { trainClient, type WorkerClient } from '../client';
import type { Forecast, ModelView, TrainApi } from '../../workers/api';
import { CodedError, type Problem } from '../core/errors';
import { defaultRecipe, parseRecipe, type Recipe } from '../recipe/recipe';
import { failureOf, type Failure } from './failure';
import { recall, remember } from './storage';

export type Setting = keyof Recipe;
type Draft = Readonly<Record<string, unknown>>;

interface Checked {
  readonly recipe: Recipe | null;
  readonly problems: readonly Problem[];
}

export class RecipeState {
  readonly #client: WorkerClient<TrainApi>;
  /** What the fields hold, valid or not. */
  draft = $state.raw<Draft>(defaultRecipe());
  failure = $state.raw<Failure | null>(null);
  forecast = $state.raw<Forecast | null>(null);
  forecastFailure = $state.raw<Failure | null>(null);
  /** Said when a setting was changed for the user. */
  note = $state<string | null>(null);
  /** Longest sequence of the chosen model. */
  context = $state<number | null>(null);
  readonly #checked = $derived(check(this.draft, this.context));
  /** The recipe, or null while a setting is wrong. */
  readonly value = $derived(this.#checked.recipe);
  readonly problems = $derived(this.#checked.problems);
  #turn = 0;

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /** Takes up the recipe of the last visit. */
  restore(): void {
    const stored = recall('recipe');
    if (stored === null) return;
    try {
      this.draft = parseRecipe(stored);
    } catch {
      remember('recipe', null);
    }
  }

  set(setting: Setting, value: unknown): void {
    this.#replace({ ...this.draft, [setting]: value });
    this.note = null;
  }

  reset(): void {
    this.#replace(defaultRecipe());
    this.failure = null;
    this.note = null;
  }

  problemOf(setting: Setting): string | null {
    return this.problems.find((problem) => problem.where === setting || problem.where.startsWith(`${setting}.`))?.message ?? null;
  }

  isChanged(setting: Setting): boolean {
    return JSON.stringify(this.draft[setting]) !== JSON.stringify(DEFAULTS[setting]);
  }

  /** Reads a recipe file. What was there stays when it can't be used. */
  async importFile(file: File): Promise<void> {
    try {
      this.#replace(parseRecipe(parseJson(await file.text(), file.name)));
      this.failure = null;
      this.note = `Read from ${file.name}.`;
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** The recipe as JSON text, indented. */
  exportText(): string {
    return `${JSON.stringify(this.draft, null, 2)}\n`;
  }

  /** Lowers the sequence length to what the model can read, and says so. */
  fit(view: ModelView): void {
    this.context = view.context;
    const length = this.draft['sequenceLength'];
    if (typeof length !== 'number' || length <= view.context) return;
    this.set('sequenceLength', view.context);
    this.note = `Sequence length lowered from ${length} to ${view.context} tokens: ${view.name} reads no more at once.`;
  }

  /** Asks for memory and steps of a run; the last question wins. */
  async predict(modelId: string, recipe: Recipe, trainTokens: number): Promise<void> {
    const turn = ++this.#turn;
    try {
      const forecast = await this.#client.call((api) => api.forecast(modelId, recipe, trainTokens));
      if (turn !== this.#turn) return;
      this.forecast = forecast;
      this.forecastFailure = null;
    } catch (error) {
      if (turn === this.#turn) this.forecastFailure = failureOf(error);
    }
  }

  /** Has the kernels of a run compiled before it is started. What goes wrong is for the run itself to say. */
  async warmUp(modelId: string, recipe: Recipe): Promise<void> {
    await this.#client.call((api) => api.warmUp(modelId, recipe)).catch(() => undefined);
  }

  /** Drops a question under way: what it was asked about has changed. */
  outdate(): void {
    this.#turn++;
  }

  #replace(draft: Draft): void {
    this.draft = draft;
    if (check(draft, null).recipe !== null) remember('recipe', draft);
  }
}

const DEFAULTS: Draft = defaultRecipe();

function check(draft: Draft, context: number | null): Checked {
  try {
    const recipe = parseRecipe(draft);
    const problems = context !== null && recipe.sequenceLength > context ? [tooLong(recipe.sequenceLength, context)] : [];
    return { recipe: problems.length === 0 ? recipe : null, problems };
  } catch (error) {
    if (error instanceof CodedError) return { recipe: null, problems: error.problems };
    throw error;
  }
}

function tooLong(length: number, context: number): Problem {
  return { where: 'sequenceLength', message: `${length} is more than the model can read at once. Choose ${context} or less.` };
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new CodedError('recipe/invalid', `${name} is not JSON (${found}). Choose a recipe that was exported from Finetab.`);
  }
}

export const recipe = new RecipeState(trainClient);
