/** The rewards of the answers that the data have, before a run: they show whether rules and functions do what is meant. */

import type { EncodedDataset } from '../batch/types';
import { CodedError } from '../core/errors';
import type { Recipe } from '../recipe/recipe';
import { rewardsOf } from '../reward';
import { meanOf } from '../rollout/advantages';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { Judges } from './judges';
import { answerOf, longestDocument } from './rewarding';
import { rolloutPrompts } from './rollouts';
import type { RewardPreview } from './types';

/** Answers that are scored, if there are so many. */
const SCORED = 64;
/** Of these, the first ones are shown. */
const SHOWN = 5;

/**
 * Scores the first answers of a dataset that is encoded for the recipe. `open`: puts the models of rewards on the device, for documents of so
 * many tokens; null where no reward has one. Throws `recipe/invalid` when the recipe has no rewards, `data/no-examples` when the data have no
 * questions, and the errors of `rewardsOf`.
 */
export async function previewRewards(
  dataset: EncodedDataset,
  recipe: Recipe,
  tokenizer: TextTokenizer,
  open: ((tokens: number) => Judges) | null,
): Promise<RewardPreview> {
  const { objective } = recipe;
  if (!('rewards' in objective))
    throw new CodedError('recipe/invalid', 'The objective has no rewards. Choose one that learns from rewards.');
  const prompts = rolloutPrompts(dataset, recipe, objective).train.slice(0, SCORED);
  const answers = prompts.map((prompt) => {
    const text = tokenizer.decode([...prompt.expected], { skipSpecial: true });
    return answerOf(tokenizer, prompt, text, prompt.expected);
  });
  const judges = open?.(longestDocument(prompts)) ?? null;
  const { scores, totals } = await rewardsOf(objective.rewards, answers, judges).finally(() => judges?.dispose());
  const rows = answers.slice(0, SHOWN).map(({ prompt, text }, i) => ({
    ...{ prompt, answer: text, scores: scores.map((of) => of[i] ?? NaN), total: totals[i] ?? NaN },
  }));
  return { answers: answers.length, means: scores.map(meanOf), mean: meanOf(totals), rows };
}
