/** What the answers of a rollout are like, in figures by the names of TRL. Pure. */

import type { RewardSettings } from '../recipe/rewards';
import type { Rewarded } from '../reward';
import { deviationOf, meanOf } from './advantages';
import { divergences, type Judged } from './returns';

/** Of an answer: its length in tokens, and whether it ended by itself. */
export interface Finish {
  readonly tokens: number;
  readonly ended: boolean;
}

/** Means over the answers; `reward_std` and `frac_reward_zero_std` over the prompts, which have `perPrompt` answers each. */
export function rolloutFigures(
  settings: readonly RewardSettings[],
  rewarded: Rewarded,
  answers: readonly Finish[],
  perPrompt: number,
): Readonly<Record<string, number>> {
  const { totals, scores } = rewarded;
  const deviations = Array.from({ length: totals.length / perPrompt }, (_, p) =>
    deviationOf(totals.slice(p * perPrompt, (p + 1) * perPrompt)),
  );
  const single = settings.map((_, i) => [`rewards/${rewardName(settings, i)}/mean`, meanOf(scores[i] ?? [])] as const);
  return {
    reward: meanOf(totals),
    ...(perPrompt > 1 && {
      reward_std: meanOf(deviations),
      frac_reward_zero_std: deviations.filter((deviation) => deviation === 0).length / deviations.length,
    }),
    ...Object.fromEntries(single),
    'completions/mean_length': meanOf(answers.map(({ tokens }) => tokens)),
    'completions/clipped_ratio': answers.filter(({ ended }) => !ended).length / answers.length,
  };
}

/** Means over the answers of sums over their tokens, by the names of TRL's PPOTrainer (0.24). */
export function divergenceFigures(answers: readonly Judged[], beta: number): Readonly<Record<string, number>> {
  const sums = (of: (answer: Judged) => readonly number[]) =>
    meanOf(answers.map((answer) => of(answer).reduce((sum, value) => sum + value, 0)));
  const [kl, scores] = [sums(divergences), meanOf(answers.map(({ score }) => score))];
  return {
    ...{ 'objective/kl': kl, 'objective/entropy': -sums(({ logprobs }) => logprobs) },
    ...{ 'objective/non_score_reward': -beta * kl, 'objective/scores': scores, 'objective/rlhf_reward': scores - beta * kl },
  };
}

/** The kind of a reward; of several of one kind each has its number. */
export function rewardName(settings: readonly RewardSettings[], index: number): string {
  const kind = settings[index]?.kind ?? '';
  const alike = settings.flatMap((one, i) => (one.kind === kind ? [i] : []));
  return alike.length === 1 ? kind : `${kind} ${alike.indexOf(index) + 1}`;
}
