/** Chooses what a dataset is for: the objective of the recipe, the roles of the columns, and a starter that can learn it. */

import type { DatasetView, DataTask } from '../../workers/api';
import { data } from './data.svelte';
import { isStarter, model } from './model.svelte';
import { isLabelled, objectiveFor } from './objective';
import { recipe } from './recipe.svelte';

/** Takes the objective, the mapping and, where a starter is chosen, the starter of a task. */
export async function chooseTask(view: DatasetView, task: DataTask): Promise<void> {
  const objective = objectiveFor(task);
  recipe.chooseObjective(objective);
  const labelled = isLabelled(objective);
  const starter = labelled ? 'starter-encoder' : 'starter';
  if (isStarter(model.source) && model.source.kind !== starter) await model.choose({ kind: starter });
  if (labelled && view.format !== view.task.mapping.format) await data.remap(view.task.mapping);
}
