/** The settings of each objective: a strict schema a kind. src/objective has a row for each. */

import * as v from 'valibot';
import { alternatives, byLabel, flag, oneOf, real, whole } from './checks';
import { rewardsSchema } from './rewards';

const plain = <const K extends string>(kind: K) => v.strictObject({ kind: v.literal(kind) });

const preference = {
  /** How strongly the model is held to the reference; β of DPO (arXiv 2305.18290), τ of IPO (arXiv 2310.12036). */
  beta: v.optional(real(0.001, 100), 0.1),
};

export const DPO_LOSSES = ['sigmoid', 'hinge', 'robust'] as const;

const directPreference = {
  ...preference,
  /** `sigmoid`: arXiv 2305.18290, equation 7. `hinge`: SLiC (arXiv 2305.10425). `robust`: for preferences of which some are wrong (arXiv 2403.00409). */
  loss: v.optional(oneOf(DPO_LOSSES), 'sigmoid'),
  /** ε of `robust`: the share of preferences that are taken to be wrong. The others do not read it. TRL's default, 0, is `sigmoid`. */
  labelSmoothing: v.optional(real(0, 0.49), 0.1),
};

/** The defaults are those of the authors' SimPOConfig. TRL's default for beta, 0.1, is meant for sums of log-probabilities. */
const simpo = {
  /** β (arXiv 2405.14734): the reward of an answer is β times the mean of its tokens' log-probabilities. */
  beta: v.optional(real(0.001, 100), 2),
  /** γ: how much higher than the reward of the rejected answer that of the preferred one should be. */
  gamma: v.optional(real(0, 100), 0.5),
};

const orpo = {
  /** Weight of the odds ratio beside the cross-entropy: λ of arXiv 2403.07691, beta of TRL. */
  beta: v.optional(real(0.001, 100), 0.1),
};

/** Ratings of answers; the target of an example is the index of its rating. */
export const RATINGS = ['bad', 'good'] as const;

export const KTO_LOSSES = ['kto', 'apo_zero_unpaired'] as const;

/** The defaults are those of TRL's KTOConfig. */
const kto = {
  /** `kto`: arXiv 2402.01306, equation 7. `apo_zero_unpaired`: without the estimate of the divergence (arXiv 2408.06266). */
  loss: v.optional(oneOf(KTO_LOSSES), 'kto'),
  /** How strongly the model is held to the reference. */
  beta: v.optional(real(0.001, 100), 0.1),
  /** w_d: how much a good answer counts. */
  desirableWeight: v.optional(real(0.001, 1000), 1),
  /** w_u: how much a bad answer counts. */
  undesirableWeight: v.optional(real(0.001, 1000), 1),
};

const rewards = {
  /** Weight of the mean of (r₁ + r₂)² over the pairs, which keeps rewards around 0 (arXiv 2312.09244, eq. 2); 0: none. */
  centering: v.optional(real(0, 100), 0),
};

const distillation = {
  /** Share of the cross-entropy in the loss; the rest is the divergence from the teacher. */
  alpha: v.optional(real(0, 1), 0.5),
  /** T: the logits of both models are divided by it in the divergence (arXiv 1503.02531). */
  temperature: v.optional(real(0.1, 100), 2),
};

/** What the loss of an update is the mean of. */
export const LOSS_MEANS = ['tokens', 'answers', 'fixed-length'] as const;

/** What objectives share that learn from rewards of the model's own answers. */
const ownAnswers = {
  /** What the model's own answers are rewarded for. */
  rewards: v.optional(rewardsSchema, [{ kind: 'equals' }]),
  /** The longest answer, in tokens. */
  answerLength: v.optional(whole(1, 8192), 128),
  /** Answers are sampled from the logits divided by it. */
  sampleTemperature: v.optional(real(0.1, 10), 1),
  /** How far the probability of a token may fall and rise in the updates with the same answers: ε of arXiv 1707.06347. */
  epsilonLow: v.optional(real(0.001, 0.999), 0.2),
  epsilonHigh: v.optional(real(0.001, 100), 0.2),
};

/** The defaults are those of TRL's GRPOConfig, but for shorter answers. */
const grpo = {
  ...ownAnswers,
  /** Prompts of an update. */
  prompts: v.optional(whole(1, 256), 4),
  /** G: answers to each prompt, which are compared with each other. */
  answers: v.optional(whole(2, 64), 8),
  /** β: how strongly the model is held to the base; 0: not at all. */
  beta: v.optional(real(0, 100), 0),
  /** The divergence from the base is multiplied by ρ, so that its gradient is unbiased (`use_bias_correction_kl` of TRL). */
  unbiasedKl: v.optional(flag(), true),
  /** Updates with the same answers. */
  updates: v.optional(whole(1, 64), 1),
  /**
   * `tokens`: every token counts alike (`dapo` of TRL, arXiv 2503.14476). `answers`: every answer does (`grpo`, arXiv 2402.03300).
   * `fixed-length`: every token, and the sum is divided by the greatest length (`dr_grpo`, arXiv 2503.20783).
   */
  mean: v.optional(oneOf(LOSS_MEANS), 'tokens'),
  /** What the advantages are divided by: the deviation of the rewards of a prompt's answers, that of all, or nothing. */
  scaleRewards: v.optional(oneOf(['prompt', 'all', 'none']), 'prompt'),
};

/** The defaults are those of TRL's PPOConfig (0.24), but for longer answers, the temperature and the prompts. */
const ppo = {
  ...ownAnswers,
  /** Prompts of an update, each with one answer. */
  prompts: v.optional(whole(2, 256), 16),
  /** Weight of log π − log π_ref of each token, which is taken from its reward (`kl_coef`). */
  beta: v.optional(real(0, 100), 0.05),
  /** γ: how much the reward of a token counts one token earlier. */
  discount: v.optional(real(0, 1), 1),
  /** λ of the advantages (arXiv 1506.02438, eq. 16): 0 trusts the estimated values, 1 the rewards alone. */
  lambda: v.optional(real(0, 1), 0.95),
  /** Updates with the same answers. */
  updates: v.optional(whole(1, 64), 4),
  /** How far an estimated value may move in these updates before a step stops to gain by it (`cliprange_value`). */
  valueClip: v.optional(real(0.001, 1000), 0.2),
  /** Weight of the error of the values in the loss (`vf_coef`). */
  valueWeight: v.optional(real(0, 100), 0.1),
};

export const WEIGHTINGS = ['none', 'balanced', 'by-hand'] as const;

const BY_LABEL = 'numbers from 0.001 to 1,000 by the names of labels';

/** How much each class counts in the loss: as in torch's losses `weight` of a class, `pos_weight` of a label. */
const weighting = {
  /**
   * `none`: all alike. `balanced`: by the training examples; of a class their number / (classes · those of the class), as scikit-learn,
   * of a label those without it / those with it. `by-hand`: `weights`.
   */
  weighting: v.optional(oneOf(WEIGHTINGS), 'none'),
  /** By the names of classes or labels; others have 1. */
  weights: v.optional(byLabel(real(0.001, 1000, BY_LABEL), BY_LABEL), {}),
};

export const OBJECTIVE_SCHEMAS = {
  sft: plain('sft'),
  classify: v.strictObject({ kind: v.literal('classify'), ...weighting }),
  'multi-label': v.strictObject({ kind: v.literal('multi-label'), ...weighting }),
  regress: plain('regress'),
  dpo: v.strictObject({ kind: v.literal('dpo'), ...directPreference }),
  ipo: v.strictObject({ kind: v.literal('ipo'), ...preference }),
  simpo: v.strictObject({ kind: v.literal('simpo'), ...simpo }),
  orpo: v.strictObject({ kind: v.literal('orpo'), ...orpo }),
  kto: v.strictObject({ kind: v.literal('kto'), ...kto }),
  reward: v.strictObject({ kind: v.literal('reward'), ...rewards }),
  distil: v.strictObject({ kind: v.literal('distil'), ...distillation }),
  grpo: v.strictObject({ kind: v.literal('grpo'), ...grpo }),
  ppo: v.strictObject({ kind: v.literal('ppo'), ...ppo }),
} as const;

export type ObjectiveKind = keyof typeof OBJECTIVE_SCHEMAS;
export type ObjectiveSettingsOf<K extends ObjectiveKind> = Readonly<v.InferOutput<(typeof OBJECTIVE_SCHEMAS)[K]>>;
export type ObjectiveSettings = { [K in ObjectiveKind]: ObjectiveSettingsOf<K> }[ObjectiveKind];
export type SimpoSettings = Omit<ObjectiveSettingsOf<'simpo'>, 'kind'>;
export type OrpoSettings = Omit<ObjectiveSettingsOf<'orpo'>, 'kind'>;
export type KtoSettings = Omit<ObjectiveSettingsOf<'kto'>, 'kind'>;
export type DistilSettings = Omit<ObjectiveSettingsOf<'distil'>, 'kind'>;

export type GrpoSettings = Omit<ObjectiveSettingsOf<'grpo'>, 'kind'>;
export type PpoSettings = Omit<ObjectiveSettingsOf<'ppo'>, 'kind'>;
/** Of objectives that learn from rewards of the model's own answers. */
export type OwnAnswerSettings = ObjectiveSettingsOf<'grpo'> | ObjectiveSettingsOf<'ppo'>;
export type RewardSettings = Omit<ObjectiveSettingsOf<'reward'>, 'kind'>;
export type WeightingSettings = Omit<ObjectiveSettingsOf<'classify'>, 'kind'>;
export type DpoSettings = Omit<ObjectiveSettingsOf<'dpo'>, 'kind'>;
export type PreferenceSettings = Omit<ObjectiveSettingsOf<'ipo'>, 'kind'>;

export const objectiveSchema = v.variant('kind', Object.values(OBJECTIVE_SCHEMAS), alternatives(Object.keys(OBJECTIVE_SCHEMAS)));

/** Whether the loss compares the model with a teacher, a second model with the same tokens. */
export function needsTeacher({ kind }: { readonly kind: ObjectiveKind }): boolean {
  return kind === 'distil';
}

/** Whether the model learns the tokens of texts and conversations, on which its base has a loss, too. */
export function readsTexts(kind: ObjectiveKind): boolean {
  return kind === 'sft' || kind === 'distil';
}

/** Whether the model learns from answers of its own, by their rewards; its held-out loss is the mean reward with the opposite sign. */
export function learnsFromRewards(kind: ObjectiveKind): boolean {
  return 'rewards' in OBJECTIVE_SCHEMAS[kind].entries;
}

/** Answers to each prompt. */
export function answersPerPrompt(settings: OwnAnswerSettings): number {
  return settings.kind === 'grpo' ? settings.answers : 1;
}

/** An objective with its settings at their defaults. */
export function defaultObjective(kind: ObjectiveKind): ObjectiveSettings {
  return v.parse(objectiveSchema, { kind });
}
