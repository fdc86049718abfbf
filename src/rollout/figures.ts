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

/** A smaller deviation counts as 0: equal rewards whose mean was rounded; the tolerance of TRL. */
const EQUAL = 1e-8;

/**
 * Of GRPO's answers as TRL's GRPOTrainer (1.16) defines them: means, deviations of a sample over all answers, and the extremes of their
 * lengths in tokens, also of those that ended by themselves (0 where none did). `frac_reward_zero_std` is the share of the prompts, which
 * have `perPrompt` answers each, whose answers have one reward. A single answer a prompt has no deviations.
 */
export function rolloutFigures(
  settings: readonly RewardSettings[],
  rewarded: Rewarded,
  answers: readonly Finish[],
  perPrompt: number,
): Readonly<Record<string, number>> {
  const { totals } = rewarded;
  const ended = answers.filter((answer) => answer.ended);
  return {
    reward: meanOf(totals),
    ...(perPrompt > 1 && spread(totals, perPrompt)),
    ...Object.fromEntries(
      settings.flatMap((_, i) => singleFigures(rewardName(settings, i), rewarded.scores[i] ?? [], perPrompt)),
    ),
    ...lengthFigures('length', answers),
    ...lengthFigures('terminated_length', ended.length === 0 ? [{ tokens: 0 }] : ended),
    'completions/clipped_ratio': 1 - ended.length / answers.length,
  };
}

function spread(totals: readonly number[], perPrompt: number): Readonly<Record<string, number>> {
  const deviations = Array.from({ length: totals.length / perPrompt }, (_, p) =>
    deviationOf(totals.slice(p * perPrompt, (p + 1) * perPrompt)),
  );
  const equal = deviations.filter((deviation) => deviation <= EQUAL).length;
  return { reward_std: deviationOf(totals), frac_reward_zero_std: equal / deviations.length };
}

/** Of one reward, before its weight. */
function singleFigures(name: string, scores: readonly number[], perPrompt: number): readonly (readonly [string, number])[] {
  const deviation = [`rewards/${name}/std`, deviationOf(scores)] as const;
  return [[`rewards/${name}/mean`, meanOf(scores)], ...(perPrompt > 1 ? [deviation] : [])];
}

function lengthFigures(name: string, answers: readonly Pick<Finish, 'tokens'>[]): Readonly<Record<string, number>> {
  const lengths = answers.map(({ tokens }) => tokens);
  return {
    [`completions/mean_${name}`]: meanOf(lengths),
    [`completions/min_${name}`]: Math.min(...lengths),
    [`completions/max_${name}`]: Math.max(...lengths),
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
