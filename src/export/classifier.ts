/** What the files of a run with a classifier of sequences state beside its weights. */

import { internal } from '../core/errors';
import type { NamedTensor } from '../method/parameters';
import { moduleOf } from '../model/weights';
import type { Recipe } from '../recipe/recipe';
import { taskOf, type TaskKind } from '../recipe/tasks';

/** transformers' name of what a classifier predicts: its pipelines choose softmax, sigmoid or neither by it. */
export type ProblemType = 'single_label_classification' | 'multi_label_classification' | 'regression';

export interface Classifier {
  readonly task: TaskKind;
  readonly problemType: ProblemType;
  /** Names of the outputs, by index. */
  readonly labels: readonly string[];
  /** Full names of the modules that the base does not have. */
  readonly modules: readonly string[];
}

const PROBLEM_TYPES: Readonly<Record<TaskKind, ProblemType>> = {
  class: 'single_label_classification',
  labels: 'multi_label_classification',
  numbers: 'regression',
  // Pipelines show it as it is; TRL's reward models name none, and pipelines show their sigmoid.
  score: 'regression',
};

/** The part of `Tuned` that states what the run learns. */
interface Learned {
  readonly recipe: Pick<Recipe, 'objective'>;
  readonly labels?: readonly string[];
  readonly tensors: readonly (Pick<NamedTensor, 'name' | 'shape'> & { readonly isNew?: true })[];
}

/** The classifier of a run; null where the run predicts tokens. */
export function classifierOf({ recipe, labels, tensors }: Learned): Classifier | null {
  const task = taskOf(recipe.objective);
  if (task === null) return null;
  const added = tensors.filter(({ isNew }) => isNew === true);
  const outputs = added.at(-1)?.shape[0];
  if (outputs === undefined) throw internal('a classifier without parameters');
  const modules = [...new Set(added.map(({ name }) => moduleOf(name)))];
  return { task, problemType: PROBLEM_TYPES[task], labels: labels ?? defaultLabels(outputs), modules };
}

/** The names that transformers gives to outputs without names, such as those of a regressor. */
function defaultLabels(outputs: number): readonly string[] {
  return Array.from({ length: outputs }, (_, index) => `LABEL_${index}`);
}
