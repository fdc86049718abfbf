/**
 * What objectives share that learn from pairs of answers, of which one is preferred. A batch has D document slots: the preferred answers
 * are in the first D/2, the rejected ones follow in the same order. In empty slots every value is 0.
 */

import { add } from '../../kernels/add';
import { crossentropy, type CrossentropyValues } from '../../kernels/crossentropy';
import { segmentSum } from '../../kernels/embedding';
import { inverse } from '../../kernels/means';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { dot } from '../../kernels/scale';
import { unary } from '../../kernels/unary';
import { capOf, negated, type FigureData, type Loss, type LossContext, type Model } from './objective';

/** −log π of every token that is predicted, prompts included, [M]. */
export function tokenLosses(context: LossContext, model: Model): Value {
  return tokenValues(context, model).nll;
}

/** What is known of every token that is predicted, prompts included, [M] each. */
export function tokenValues(context: LossContext, model: Model): Omit<CrossentropyValues, 'loss'> {
  const { program, labels, weights } = context;
  const inputs = { hidden: context.hidden(model), head: context.head(model), labels, weights };
  return crossentropy(program, { ...inputs, ...capOf(context, model), training: false });
}

/** The log-probabilities of the answers by the policy [D], and what `reportEntropy` takes: sums over the tokens of each answer, [D]. */
export function describedAnswers(context: LossContext): { readonly logps: Value; readonly figures: Loss['figures'] } {
  const { program, weights, documents } = context;
  const { nll, entropy, hits } = tokenValues(context, 'policy');
  const sums = (x: Value) => segmentSum(program, x, context.input('documents'), documents);
  const counted = (x: Value) => sums(mul(program, x, weights));
  const tokens = sums(unary(program, weights, { kind: 'affine', scale: 1, shift: 0 }));
  return { logps: ofAnswers(context, nll), figures: { entropy: counted(entropy), hits: counted(hits), tokens } };
}

/** The mean entropy of the tokens of all answers, as TRL defines it; nothing where it was not computed. */
export function reportEntropy({ entropy, tokens }: FigureData): Readonly<Record<string, number>> {
  return entropy === undefined || tokens === undefined ? {} : { entropy: totalOf(entropy) / totalOf(tokens) };
}

/** How often the likeliest token is the one of the preferred answer, as TRL defines it. */
function accuracyOf({ hits, tokens }: FigureData): Readonly<Record<string, number>> {
  const preferred = (batches: readonly Float32Array[]) => totalOf(batches.map((batch) => batch.subarray(0, batch.length / 2)));
  return hits === undefined || tokens === undefined ? {} : { mean_token_accuracy: preferred(hits) / preferred(tokens) };
}

function totalOf(batches: readonly Float32Array[]): number {
  return batches.reduce((sum, batch) => sum + batch.reduce((all, value) => all + value, 0), 0);
}

/** log π(answer): Σ over the answer's tokens of their log-probabilities, [D], of `tokenLosses`. */
export function ofAnswers(context: LossContext, losses: Value): Value {
  const { program, weights, documents } = context;
  return segmentSum(program, negated(program, mul(program, losses, weights)), context.input('documents'), documents);
}

/** log π(answer), [D]. */
export function logProbability(context: LossContext, model: Model): Value {
  return ofAnswers(context, tokenLosses(context, model));
}

/** log π(answer) − log π_ref(answer), [D], of log π. The reference is the base, that is the policy without what is trained. */
export function logRatio(context: LossContext, logps: Value): Value {
  return add(context.program, logps, negated(context.program, logProbability(context, 'reference')));
}

/** Sums over the answers' tokens as means over these tokens, [D]. */
export function perToken(context: LossContext, sums: Value): Value {
  const { program, weights, documents } = context;
  const lengths = segmentSum(program, weights, context.input('documents'), documents);
  return mul(program, sums, inverse(program, lengths));
}

/** Preferred minus rejected, [D/2], of values [D]. */
export function margin(context: LossContext, values: Value): Value {
  const { program, documents } = context;
  const pairs = documents / 2;
  const sign = context.constant(
    'sign',
    Float32Array.from({ length: documents }, (_, i) => (i < pairs ? 1 : -1)),
    [documents],
  );
  return segmentSum(program, mul(program, values, sign), pairOf(context), pairs);
}

/** The pair of each document, i32 [D]. */
function pairOf(context: LossContext): Value {
  const { documents } = context;
  const pair = Int32Array.from({ length: documents }, (_, i) => i % (documents / 2));
  return context.constant('pair', pair, [documents]);
}

/** The weighted mean over the pairs of values [D/2]. Both documents of a pair have its weight. */
export function pairMean(context: LossContext, values: Value): Value {
  const { program, documents } = context;
  const both = segmentSum(program, context.input('documentWeights'), pairOf(context), documents / 2);
  return dot(program, values, unary(program, both, { kind: 'affine', scale: 0.5, shift: 0 }));
}

/** What `rewardFigures` takes: rewards are `scale` times `values`, and `logps` are log-probabilities of the policy, [D] each. */
interface Rewards {
  readonly values: Value;
  readonly scale: number;
  readonly logps: Value;
}

/** The figures of `reportRewards`: rewards and log-probabilities [D], and the weights [D] of the documents in the mean. */
export function rewardFigures(context: LossContext, { values, scale, logps }: Rewards): Loss['figures'] {
  const times = (x: Value, by: number) => unary(context.program, x, { kind: 'affine', scale: by, shift: 0 });
  return { rewards: times(values, scale), logps: times(logps, 1), weights: times(context.input('documentWeights'), 1) };
}

/**
 * Names and definitions are those of TRL: the means of the rewards, of their margins and of the log-probabilities, how often the reward of
 * the preferred answer is higher, and where they were computed the entropy and the accuracy of the tokens.
 */
export function reportRewards({ rewards = [], logps = [], weights = [], ...more }: FigureData): Readonly<Record<string, number>> {
  const [reward, logp] = [meansOf(rewards, weights), meansOf(logps, weights)];
  return {
    'rewards/chosen': reward.chosen,
    'rewards/rejected': reward.rejected,
    'rewards/margins': reward.chosen - reward.rejected,
    'rewards/accuracies': reward.right,
    'logps/chosen': logp.chosen,
    'logps/rejected': logp.rejected,
    ...reportEntropy(more),
    ...accuracyOf(more),
  };
}

/** The means over the pairs of all micro-batches of values [D], and the share of pairs in which that of the preferred answer is higher. */
function meansOf(values: readonly Float32Array[], weights: readonly Float32Array[]) {
  let [all, chosen, rejected, right] = [0, 0, 0, 0];
  values.forEach((batch, b) => {
    const pairs = batch.length / 2;
    for (let p = 0; p < pairs; p++) {
      const [weight, first, second] = [weights[b]?.[p] ?? NaN, batch[p] ?? NaN, batch[pairs + p] ?? NaN];
      all += weight;
      chosen += weight * first;
      rejected += weight * second;
      if (first > second) right += weight;
    }
  });
  return { chosen: chosen / all, rejected: rejected / all, right: right / all };
}
