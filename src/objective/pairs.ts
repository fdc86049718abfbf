/**
 * What objectives share that learn from pairs of answers, of which one is preferred. A batch has D document slots: the preferred answers
 * are in the first D/2, the rejected ones follow in the same order. In empty slots every value is 0.
 */

import { add } from '../../kernels/add';
import { crossentropy } from '../../kernels/crossentropy';
import { segmentSum } from '../../kernels/embedding';
import { inverse } from '../../kernels/means';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { dot } from '../../kernels/scale';
import { unary } from '../../kernels/unary';
import { capOf, negated, type FigureData, type Loss, type LossContext, type Model } from './objective';

/** −log π of every token that is predicted, prompts included, [M]. */
export function tokenLosses(context: LossContext, model: Model): Value {
  const { program, labels, weights } = context;
  const inputs = { hidden: context.hidden(model), head: context.head(model), labels, weights };
  return crossentropy(program, { ...inputs, ...capOf(context, model), training: false }).nll;
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

/** log π(answer) − log π_ref(answer), [D]. The reference is the base, that is the policy without what is trained. */
export function logRatio(context: LossContext): Value {
  const { program } = context;
  return add(program, logProbability(context, 'policy'), negated(program, logProbability(context, 'reference')));
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

/** The figures of `reportRewards`: rewards [D], which are `scale` times `values`, and the weights [D] of the documents in the mean. */
export function rewardFigures(context: LossContext, values: Value, scale: number): Loss['figures'] {
  const times = (x: Value, by: number) => unary(context.program, x, { kind: 'affine', scale: by, shift: 0 });
  return { rewards: times(values, scale), weights: times(context.input('documentWeights'), 1) };
}

/** Names and definitions are those of TRL: the means of the rewards and of their margins, and how often the preferred one is higher. */
export function reportRewards({ rewards = [], weights = [] }: FigureData): Readonly<Record<string, number>> {
  let [all, chosen, rejected, right] = [0, 0, 0, 0];
  for (const [weight, a, b] of rewards.flatMap((values, i) => pairsOf(values, weights[i] ?? new Float32Array()))) {
    all += weight;
    chosen += weight * a;
    rejected += weight * b;
    if (a > b) right += weight;
  }
  return {
    'rewards/chosen': chosen / all,
    'rewards/rejected': rejected / all,
    'rewards/margins': (chosen - rejected) / all,
    'rewards/accuracies': right / all,
  };
}

/** The weight of each pair, and the rewards of its preferred and its rejected answer. */
function pairsOf(rewards: Float32Array, weights: Float32Array): readonly (readonly [number, number, number])[] {
  const pairs = rewards.length / 2;
  return Array.from({ length: pairs }, (_, p) => [weights[p] ?? NaN, rewards[p] ?? NaN, rewards[pairs + p] ?? NaN] as const);
}
