/** What the files of a run with a classifier of sequences state beside its weights. */

import { internal } from '../core/errors';
import type { NamedTensor } from '../method/parameters';
import { moduleOf } from '../model/weights';
import type { ObjectiveKind } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';

/** transformers' name of what a classifier predicts: its pipelines choose softmax, sigmoid or neither by it. */
export type ProblemType = 'single_label_classification' | 'multi_label_classification' | 'regression';

export interface Classifier {
  readonly problemType: ProblemType;
  /** Names of the outputs, by index. */
  readonly labels: readonly string[];
  /** Full names of the modules that the base does not have. */
  readonly modules: readonly string[];
}

/** Null for objectives that predict tokens. */
const PROBLEM_TYPES: Readonly<Record<ObjectiveKind, ProblemType | null>> = {
  sft: null,
  classify: 'single_label_classification',
  'multi-label': 'multi_label_classification',
  regress: 'regression',
  dpo: null,
  ipo: null,
  simpo: null,
  orpo: null,
  distil: null,
};

/** The part of `Tuned` that states what the run learns. */
interface Learned {
  readonly recipe: Pick<Recipe, 'objective'>;
  readonly labels?: readonly string[];
  readonly tensors: readonly (Pick<NamedTensor, 'name' | 'shape'> & { readonly isNew?: true })[];
}

/** The classifier of a run; null where the run predicts tokens. */
export function classifierOf({ recipe, labels, tensors }: Learned): Classifier | null {
  const problemType = PROBLEM_TYPES[recipe.objective.kind];
  if (problemType === null) return null;
  const added = tensors.filter(({ isNew }) => isNew === true);
  const outputs = added.at(-1)?.shape[0];
  if (outputs === undefined) throw internal('a classifier without parameters');
  const modules = [...new Set(added.map(({ name }) => moduleOf(name)))];
  return { problemType, labels: labels ?? defaultLabels(outputs), modules };
}

/** The names that transformers gives to outputs without names, such as those of a regressor. */
function defaultLabels(outputs: number): readonly string[] {
  return Array.from({ length: outputs }, (_, index) => `LABEL_${index}`);
}
