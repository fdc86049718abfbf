/**
 * What the model should learn from the data: the user's choice, else the guess of each file that is opened. It sets the objective of
 * the recipe, the mapping of the columns, and a starter that can learn it.
 */

import type { DatasetView, RunView } from '../../workers/api';
import { data, type DataState, type Opening } from './data.svelte';
import { goalOf, guessOf, isGoal, mappingFor, objectiveFor, whyNot, type Goal } from './goal';
import { model, type ModelState } from './model.svelte';
import { BY_RECIPE, keepMapping, mappingOf } from './mapping.svelte';
import { isLabelled, isObjectiveKind, isPreference } from './objective';
import { recipe, type RecipeState } from './recipe.svelte';
import { recall, remember } from './storage';

export class TaskState {
  readonly #data: DataState;
  readonly #model: ModelState;
  readonly #recipe: RecipeState;
  /** What the user chose, which holds for the next files too; null takes the guess. */
  wish = $state<Goal | null>(wishOf(recall('goal')));
  /** Why the present data can't serve the wish, in a sentence; null when they can, or a recipe sets the objective. */
  readonly refused = $derived.by(() => {
    const { view } = this.#data;
    return this.wish === null || view === null || this.#recipe.objectiveFrom !== null ? null : whyNot(this.wish, view);
  });
  /** What the model would learn from the present data; null without data. */
  readonly goal = $derived.by(() => this.#goalOf(this.#data.view));

  constructor(dataState: DataState, modelState: ModelState, recipeState: RecipeState) {
    this.#data = dataState;
    this.#model = modelState;
    this.#recipe = recipeState;
    dataState.decide = (view, restored) => (restored ? this.#restore(view) : this.#open(view));
  }

  /** Takes a goal for the present data and the next ones; null takes the guess of the next ones. */
  async choose(goal: Goal | null): Promise<void> {
    this.wish = goal;
    remember('goal', goal);
    this.#recipe.freeObjective();
    const { view } = this.#data;
    if (goal === null || view === null) return;
    const mapping = mappingFor(goal, view);
    const starter = this.#take(goal);
    if (mapping !== null) await this.#data.remap(mapping);
    if (this.#recipe.at('mapping') !== null) keepMapping(this.#data, this.#recipe);
    await starter;
  }

  /** Takes the wish or the guess for the present data again, after the recipe was reset. */
  async takeAgain(): Promise<void> {
    await this.#data.detectAgain();
    const { view } = this.#data;
    if (view === null) return;
    const { mapping, shown } = this.#open(view);
    shown();
    if (mapping !== null) await this.#data.remap(mapping);
  }

  /** Uses the columns of the present data as the recipe says, where it does. */
  async #mapAsRecipe(): Promise<void> {
    const { view } = this.#data;
    const mapping = view === null ? null : mappingOf(this.#recipe, view);
    if (mapping !== null) await this.#data.remap(mapping, BY_RECIPE);
  }

  /** Reads a recipe file. */
  async importRecipe(file: File): Promise<void> {
    await this.#recipe.importFile(file);
    await this.#mapAsRecipe();
    await this.#suitStarter();
  }

  /** Takes the recipe of a run. */
  async takeRecipe({ recipe: settings, name }: Pick<RunView, 'recipe' | 'name'>): Promise<void> {
    this.#recipe.take(settings, name);
    await this.#mapAsRecipe();
    await this.#suitStarter();
  }

  /** The objective of a recipe may need a starter that writes texts, which the encoder does not. */
  async #suitStarter(): Promise<void> {
    const kind = this.#recipe.at('objective.kind');
    if (isObjectiveKind(kind) && !isLabelled(kind)) await this.#model.chooseStarter('starter');
  }

  /** A file that was opened: the wish if the file can serve it, else the guess. A recipe that sets the objective stays. */
  #open(view: DatasetView): Opening {
    if (this.#recipe.objectiveFrom !== null) return this.#restore(view);
    const goal = this.wish !== null && whyNot(this.wish, view) === null ? this.wish : guessOf(view);
    return { ...this.#mappingFor(goal, view), shown: () => this.#takeGuess(goal) };
  }

  /** Takes a goal that the user did not choose, unless a recipe file came meanwhile. */
  #takeGuess(goal: Goal): void {
    if (this.#recipe.objectiveFrom === null) void this.#take(goal);
  }

  /** Keeps objective and model; only the columns are mapped for them. */
  #restore(view: DatasetView): Opening {
    const goal = this.#goalOf(view);
    const serves = goal !== null && whyNot(goal, view) === null;
    return { ...this.#mappingFor(serves ? goal : null, view), shown: () => undefined };
  }

  /** The mapping of the recipe, else the one that suits the goal. */
  #mappingFor(goal: Goal | null, view: DatasetView): Pick<Opening, 'mapping' | 'reason'> {
    const own = mappingOf(this.#recipe, view);
    if (own !== null) return { mapping: own, reason: BY_RECIPE };
    return { mapping: goal === null ? null : mappingFor(goal, view), reason: view.task.reason };
  }

  async #take(goal: Goal): Promise<void> {
    const kind = objectiveFor(goal);
    const present = this.#recipe.at('objective.kind');
    // Of several objectives for one goal (DPO and IPO) the chosen one stays.
    const same = isObjectiveKind(present) && isPreference(present) && isPreference(kind);
    this.#recipe.chooseObjective(same ? present : kind);
    await this.#model.chooseStarter(isLabelled(kind) ? 'starter-encoder' : 'starter');
  }

  #goalOf(view: DatasetView | null): Goal | null {
    const kind = this.#recipe.at('objective.kind');
    return view !== null && isObjectiveKind(kind) ? goalOf(kind, view) : null;
  }
}

function wishOf(stored: unknown): Goal | null {
  return isGoal(stored) ? stored : null;
}

export const task = new TaskState(data, model, recipe);
