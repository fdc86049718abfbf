/** The figures that the runs of an objective report beside their loss, in words. */

import type { ObjectiveKind } from '../../recipe/objectives';
import type { MetricKind } from '../../recipe/metrics';
import { loss, share } from './figures';

/** A metric, what objectives of pairs report under TRL's names, or both parts of the loss of distillation. */
export type ReportKey =
  | MetricKind
  | 'rewards/margins'
  | 'rewards/accuracies'
  | `${'rewards' | 'logps'}/${'chosen' | 'rejected'}`
  | 'nll_loss'
  | 'margin'
  | 'kl'
  | 'distil/cross_entropy'
  | 'distil/kl'
  | 'reward'
  | 'reward_std'
  | 'frac_reward_zero_std'
  | 'completions/mean_length'
  | 'completions/clipped_ratio'
  | 'clip_ratio/region_mean'
  | `objective/${'kl' | 'entropy' | 'rlhf_reward'}`
  | `loss/${'policy' | 'value'}_avg`
  | `policy/${'approxkl' | 'clipfrac'}_avg`
  | 'val/ratio'
  | 'entropy'
  | 'mean_token_accuracy';

export interface Report {
  /** In the metrics of a measurement and, except for labels, in the figures of a step. */
  readonly key: ReportKey;
  readonly name: string;
  readonly unit: string;
  readonly write: (value: number | null | undefined) => string;
  /** Which of two values is the better one. */
  readonly better: 'higher' | 'lower';
}

const REWARDS: readonly Report[] = [
  { key: 'rewards/margins', name: 'Reward margin', unit: 'nats', write: loss, better: 'higher' },
  { key: 'rewards/accuracies', name: 'Reward accuracy', unit: 'of the pairs', write: share, better: 'higher' },
];

const OWN_ANSWERS: readonly Report[] = [
  { key: 'reward', name: 'Mean reward', unit: 'of an answer', write: loss, better: 'higher' },
  { key: 'completions/mean_length', name: 'Length of the answers', unit: 'tokens', write: loss, better: 'higher' },
];

/** The most useful figures of each objective, first the one to watch. */
const REPORTS: Readonly<Record<ObjectiveKind, readonly Report[]>> = {
  sft: [],
  distil: [
    { key: 'distil/kl', name: 'Divergence from the teacher', unit: 'nats per token (KL)', write: loss, better: 'lower' },
    { key: 'distil/cross_entropy', name: 'Cross-entropy', unit: 'nats per token', write: loss, better: 'lower' },
  ],
  grpo: OWN_ANSWERS,
  ppo: OWN_ANSWERS,
  dpo: REWARDS,
  ipo: REWARDS,
  simpo: REWARDS,
  orpo: [...REWARDS, { key: 'nll_loss', name: 'Loss of preferred texts', unit: 'nats per token', write: loss, better: 'lower' }],
  kto: [
    { key: 'rewards/margins', name: 'Reward margin', unit: 'good − bad answers, nats', write: loss, better: 'higher' },
    { key: 'kl', name: 'Divergence from the base', unit: 'nats (KL)', write: loss, better: 'lower' },
  ],
  reward: [
    { key: 'accuracy', name: 'Preference accuracy', unit: 'of the pairs', write: share, better: 'higher' },
    { key: 'margin', name: 'Reward margin', unit: 'preferred − rejected', write: loss, better: 'higher' },
  ],
  classify: [
    { key: 'accuracy', name: 'Accuracy', unit: 'of the held-out examples', write: share, better: 'higher' },
    { key: 'macroF1', name: 'Macro F1', unit: 'mean over the categories', write: share, better: 'higher' },
  ],
  'multi-label': [
    { key: 'microF1', name: 'Micro F1', unit: 'over all labels', write: share, better: 'higher' },
    { key: 'subsetAccuracy', name: 'All labels right', unit: 'of the held-out examples', write: share, better: 'higher' },
  ],
  regress: [
    { key: 'rmse', name: 'Error (RMSE)', unit: 'on held-out examples', write: loss, better: 'lower' },
    { key: 'r2', name: 'R²', unit: 'share of the variance explained', write: loss, better: 'higher' },
  ],
};

const LOSS_UNITS: Readonly<Record<ObjectiveKind, string>> = {
  sft: 'nats per token',
  distil: 'nats per token',
  dpo: 'mean over the pairs',
  ipo: 'mean over the pairs',
  simpo: 'mean over the pairs',
  orpo: 'nats per token, plus the preference',
  kto: 'mean over the answers',
  reward: 'mean over the pairs',
  grpo: 'of the policy; it says little, so watch the reward',
  ppo: 'of the policy and the values; it says little, so watch the reward',
  classify: 'nats per example',
  'multi-label': 'nats per label',
  regress: 'squared error',
};

/** Rewards and log-probabilities of good and of bad answers, in words. */
const answers = (good: string, bad: string, per: 'answer' | 'token'): readonly Report[] => {
  const unit = `log-probability per ${per}, nats`;
  return [
    { key: 'rewards/chosen', name: `Reward of ${good} answers`, unit: 'nats', write: loss, better: 'higher' },
    { key: 'rewards/rejected', name: `Reward of ${bad} answers`, unit: 'nats', write: loss, better: 'lower' },
    { key: 'logps/chosen', name: `How likely ${good} answers are`, unit, write: loss, better: 'higher' },
    { key: 'logps/rejected', name: `How likely ${bad} answers are`, unit, write: loss, better: 'lower' },
  ];
};

const ENTROPY: Report = {
  ...{ key: 'entropy', name: 'Uncertainty about the next token', unit: 'nats per token (entropy)', write: loss, better: 'lower' },
};
const RIGHT_TOKENS: Report = {
  ...{ key: 'mean_token_accuracy', name: 'Tokens guessed right', unit: 'of the tokens', write: share, better: 'higher' },
};

const CUT_OFF: Report = {
  ...{ key: 'completions/clipped_ratio', name: 'Answers that were cut off', unit: 'of the answers, at the longest length' },
  ...{ write: share, better: 'lower' },
};

/** Further curves, which tables do not have. */
const CURVES: { readonly [K in ObjectiveKind]?: readonly Report[] } = {
  sft: [RIGHT_TOKENS, ENTROPY],
  dpo: [...answers('preferred', 'rejected', 'answer'), RIGHT_TOKENS, ENTROPY],
  ipo: [...answers('preferred', 'rejected', 'answer'), RIGHT_TOKENS, ENTROPY],
  simpo: answers('preferred', 'rejected', 'token'),
  orpo: answers('preferred', 'rejected', 'token'),
  kto: [...answers('good', 'bad', 'answer'), ENTROPY],
  grpo: [
    { key: 'kl', name: 'Divergence from the base', unit: 'nats per token (KL)', write: loss, better: 'lower' },
    { key: 'reward_std', name: 'Spread of the reward', unit: 'standard deviation of the answers', write: loss, better: 'higher' },
    {
      key: 'frac_reward_zero_std',
      name: 'Questions without a better answer',
      unit: 'of the questions',
      write: share,
      better: 'lower',
    },
    ENTROPY,
    { key: 'clip_ratio/region_mean', name: 'Tokens that moved too far', unit: 'of the tokens', write: share, better: 'lower' },
    CUT_OFF,
  ],
  ppo: [
    CUT_OFF,
    { key: 'objective/kl', name: 'Divergence from the base', unit: 'nats per answer (KL)', write: loss, better: 'lower' },
    { key: 'objective/rlhf_reward', name: 'Reward less divergence', unit: 'of an answer', write: loss, better: 'higher' },
    {
      key: 'objective/entropy',
      name: 'Variety of the answers',
      unit: 'nats per answer (entropy)',
      write: loss,
      better: 'higher',
    },
    { key: 'loss/policy_avg', name: 'Loss of the policy', unit: 'clipped', write: loss, better: 'lower' },
    { key: 'loss/value_avg', name: 'Error of the estimate', unit: 'half the squared error', write: loss, better: 'lower' },
    { key: 'policy/approxkl_avg', name: 'Change since the answers', unit: 'nats per token (KL)', write: loss, better: 'lower' },
    { key: 'policy/clipfrac_avg', name: 'Tokens that moved too far', unit: 'of the tokens', write: share, better: 'lower' },
    { key: 'val/ratio', name: 'Mean ratio of probabilities', unit: 'now to when written', write: loss, better: 'lower' },
  ],
};

/** The figures that have a curve. */
export function curvesOf(kind: ObjectiveKind): readonly Report[] {
  return [...REPORTS[kind], ...(CURVES[kind] ?? [])];
}

export function reportsOf(kind: ObjectiveKind): readonly Report[] {
  return REPORTS[kind];
}

export function lossUnit(kind: ObjectiveKind): string {
  return LOSS_UNITS[kind];
}
