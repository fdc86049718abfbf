/** Runs that can score the answers of another one. Pure. */

import type { RunView } from '../../workers/api';
import { modelRewards } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import type { RewardSettings } from '../recipe/rewards';
import { taskOf } from '../recipe/tasks';
import { isResumable } from './run-status';

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
  for (const reward of modelRewards(objective)) {
    const problem = judgeProblem(reward, list, modelId);
    if (problem !== null) return problem;
  }
  return null;
}

/** Why a reward can't be given by the run that it names, in a sentence, or null. */
export function judgeProblem(reward: RewardSettings, list: readonly RunView[], modelId: string | null): string | null {
  if (reward.kind !== 'model') return null;
  const run = list.find(({ id }) => id === reward.run);
  if (run === undefined)
    return `The reward by ${reward.name} needs that run, which is not in this browser. Choose another reward.`;
  if (modelId !== null && run.modelId !== modelId)
    return `${run.name} was trained on ${run.modelName}: it can’t score the answers of another model. Choose another reward, or that model.`;
  if (reward.step !== null && run.checkpoints.every(({ step }) => step !== reward.step))
    return `${run.name} has no checkpoint of step ${reward.step} any more. Choose the run again.`;
  return null;
}

/** The runs that have not ended and are rewarded by the run `id`: without it they can't go on. */
export function rewardedBy(id: string, list: readonly RunView[]): readonly RunView[] {
  return list.filter(({ status, recipe: { objective } }) => {
    const unended = status === 'running' || isResumable(status);
    return unended && modelRewards(objective).some(({ run }) => run === id);
  });
}
