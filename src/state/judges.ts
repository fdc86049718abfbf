/** Runs that can score the answers of another one. Pure. */

import type { RunView } from '../../workers/api';
import type { Recipe } from '../recipe/recipe';
import { taskOf } from '../recipe/tasks';

/** The runs on a model that give a score, a probability or a number. */
export function judgeRuns(list: readonly RunView[], modelId: string | null): readonly RunView[] {
  return list.filter(
    ({ modelId: own, checkpoints, recipe }) => own === modelId && checkpoints.length > 0 && taskOf(recipe.objective) !== null,
  );
}

/** Why a run can't be rewarded as its recipe says, in a sentence, or null. */
export function judgeBlocker(
  { objective }: Pick<Recipe, 'objective'>,
  list: readonly RunView[],
  modelId: string | null,
): string | null {
  const rewards = 'rewards' in objective ? objective.rewards : [];
  for (const reward of rewards) {
    if (reward.kind !== 'model') continue;
    const run = list.find(({ id }) => id === reward.run);
    if (run === undefined)
      return `The reward by ${reward.name} needs that run, which is not in this browser. Choose another reward.`;
    if (modelId !== null && run.modelId !== modelId)
      return `${run.name} was trained on ${run.modelName}: it can’t score the answers of another model. Choose another reward, or that model.`;
    if (reward.step !== null && run.checkpoints.every(({ step }) => step !== reward.step))
      return `${run.name} has no checkpoint of step ${reward.step} any more. Choose the run again.`;
  }
  return null;
}
