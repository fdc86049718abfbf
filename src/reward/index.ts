/** The table of rewards, and the reward of answers by all of a recipe's. */

import { internal } from '../core/errors';
import type { RewardKind, RewardSettings, RewardSettingsOf } from '../recipe/rewards';
import { contains } from './contains';
import { equals } from './equals';
import { json } from './json';
import { length } from './length';
import type { Answer, Reward } from './reward';

/** Functions and regular expressions of the user are run by src/reward/sandbox.ts. */
type RuleKind = Exclude<RewardKind, 'code' | 'matches' | 'model'>;

/** Scores answers by models that were trained before. */
export interface AnswerJudge {
  /** By answer: the score, the number, or the probability of the label. */
  scores(reward: RewardSettingsOf<'model'>, answers: readonly Answer[]): Promise<readonly number[]>;
}

export const REWARDS = { contains, json, length, equals } satisfies {
  readonly [K in RuleKind]: Reward<RewardSettingsOf<K>>;
};

/** The scores of one reward, before its weight, and the weighted sum of all, each by answer. */
export interface Rewarded {
  /** In the order of the rewards. */
  readonly scores: readonly (readonly number[])[];
  readonly totals: readonly number[];
}

/** `judge`: for rewards of the kind `model`. Throws its errors and those of `scoresByCode`. */
export async function rewardsOf(
  rewards: readonly RewardSettings[],
  answers: readonly Answer[],
  judge: AnswerJudge | null = null,
): Promise<Rewarded> {
  const scores: (readonly number[])[] = [];
  for (const reward of rewards) scores.push(await scoresOf(reward, answers, judge));
  const total = (answer: number) => rewards.reduce((sum, { weight }, r) => sum + weight * (scores[r]?.[answer] ?? NaN), 0);
  return { scores, totals: answers.map((_, i) => total(i)) };
}

async function scoresOf(
  settings: RewardSettings,
  answers: readonly Answer[],
  judge: AnswerJudge | null,
): Promise<readonly number[]> {
  if (settings.kind === 'model') {
    if (judge === null) throw internal(`nothing scores answers by ${settings.name}`);
    return judge.scores(settings, answers);
  }
  if (settings.kind === 'code') return (await import('./sandbox')).scoresByCode(settings.source, answers);
  if (settings.kind === 'matches') {
    const { matchesOf } = await import('./sandbox');
    return matchesOf(settings.pattern, settings.ignoreCase ? 'iu' : 'u', answers);
  }
  const rule = REWARDS[settings.kind] as Reward<RewardSettings>;
  return answers.map((answer) => rule.score(answer, settings));
}
