/** Kahneman-Tversky optimization: learning from single answers that are rated as good or bad. */

import { add } from '../../kernels/add';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { dot, scale } from '../../kernels/scale';
import { unary } from '../../kernels/unary';
import type { KtoSettings } from '../recipe/objectives';
import { negated, type FigureData, type Loss, type LossContext, type Objective } from './objective';
import { describedAnswers, logProbability, logRatio, reportEntropy } from './pairs';

/**
 * The weighted mean over the answers of λ·(1 − σ(±β·(r − z))) (Ethayarajh et al., arXiv 2402.01306, equation 7; TRL's KTOTrainer), + and
 * λ = w_d for good answers, − and λ = w_u for bad ones. r is the log-ratio of policy and reference, z ≥ 0 the mean log-ratio of mismatched
 * answers in the micro-batch, which has no gradient. `apo_zero_unpaired` (D'Oosterlinck et al., arXiv 2408.06266) has z = 0. Rewards: β·r.
 */
export const kto: Objective<KtoSettings> = {
  examples: 'rated',
  loss(context, settings) {
    const { program } = context;
    const { beta, undesirableWeight, desirableWeight } = settings;
    const { logps, figures: tokens } = describedAnswers(context);
    const ratios = logRatio(context, logps);
    const kl = settings.loss === 'kto' ? divergence(context) : null;
    const excess = kl === null ? ratios : add(program, ratios, negated(program, scale(program, ones(context), kl)));
    const good = context.input('desirable');
    const affine = (x: Value, by: number, shift: number) => unary(program, x, { kind: 'affine', scale: by, shift });
    const worse = mul(program, affine(excess, beta, 0), affine(good, -2, 1));
    const weight = affine(good, desirableWeight - undesirableWeight, undesirableWeight);
    const losses = mul(program, unary(program, worse, { kind: 'sigmoid' }), weight);
    const loss = dot(program, losses, context.input('documentWeights'));
    return { loss, figures: { ...figuresOf(context, { rewards: affine(ratios, beta, 0), logps, kl }), ...tokens } };
  },
  report,
};

/** The mean log-ratio [1] of the mismatched answers of a micro-batch, or 0 where it is negative. It counts as a constant. */
function divergence(context: LossContext): Value {
  const { program } = context;
  return program.within({ constant: true }, () => {
    const other = context.mismatched();
    const ratios = logRatio(other, logProbability(other, 'policy'));
    return unary(program, dot(program, ratios, context.input('mismatchedShares')), { kind: 'relu' });
  });
}

function ones(context: LossContext): Value {
  const { documents } = context;
  return context.constant('ones', new Float32Array(documents).fill(1), [documents]);
}

interface Figures {
  readonly rewards: Value;
  readonly logps: Value;
  readonly kl: Value | null;
}

function figuresOf(context: LossContext, { rewards, logps, kl }: Figures): Loss['figures'] {
  const copied = (x: Value) => unary(context.program, x, { kind: 'affine', scale: 1, shift: 0 });
  const inputs = { good: copied(context.input('desirable')), weights: copied(context.input('documentWeights')) };
  return { rewards, logps: copied(logps), ...inputs, ...(kl !== null && { kl: copied(kl) }) };
}

/**
 * Names and definitions are those of TRL: the means of rewards and log-probabilities over the good (chosen) and the bad (rejected) answers,
 * and the divergence. What there is no answer for is left out.
 */
function report({
  rewards = [],
  logps = [],
  good = [],
  weights = [],
  kl = [],
  ...tokens
}: FigureData): Readonly<Record<string, number>> {
  const mean = (values: readonly Float32Array[], rating: number): number => {
    let [sum, all] = [0, 0];
    values.forEach((batch, b) => {
      batch.forEach((value, slot) => {
        const weight = good[b]?.[slot] === rating ? (weights[b]?.[slot] ?? 0) : 0;
        if (weight > 0) [sum, all] = [sum + weight * value, all + weight];
      });
    });
    return sum / all;
  };
  const [chosen, rejected] = [mean(rewards, 1), mean(rewards, 0)];
  const found = {
    ...{ 'rewards/chosen': chosen, 'rewards/rejected': rejected, 'rewards/margins': chosen - rejected },
    ...{ 'logps/chosen': mean(logps, 1), 'logps/rejected': mean(logps, 0), kl: meanOf(kl, weights) },
  };
  const all = { ...found, ...reportEntropy(tokens) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => !Number.isNaN(value)));
}

/** The mean of a figure [1] of micro-batches by their shares of the examples. */
function meanOf(parts: readonly Float32Array[], weights: readonly Float32Array[]): number {
  const shares = weights.map((batch) => batch.reduce((sum, weight) => sum + weight, 0));
  const total = shares.reduce((sum, share) => sum + share, 0);
  return parts.length === 0 ? NaN : parts.reduce((sum, [part = NaN], b) => sum + (part * (shares[b] ?? 0)) / total, 0);
}
