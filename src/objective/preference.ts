/**
 * Learning from pairs of answers, of which one is preferred. The reference is the base, that is the policy without what is trained.
 * Figures: rewards [D] of the answers, that is β times the log-ratio of policy and reference, and their weights [D] in the mean, 0 in
 * empty slots. The preferred answers come first.
 */

import { add } from '../../kernels/add';
import { crossentropy } from '../../kernels/crossentropy';
import { segmentSum } from '../../kernels/embedding';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { dot } from '../../kernels/scale';
import { unary } from '../../kernels/unary';
import type { PreferenceSettings } from '../recipe/objectives';
import { negated, type FigureData, type Loss, type LossContext, type Model, type Objective } from './objective';

/** −log σ(β·Δ), with Δ the difference of the log-ratios of both answers (Rafailov et al., arXiv 2305.18290). */
export const dpo: Objective<PreferenceSettings> = {
  examples: 'pair',
  report,
  loss(context, { beta }) {
    const { program } = context;
    const ratios = logRatios(context);
    const delta = margin(context, ratios);
    const loss = unary(program, unary(program, delta, { kind: 'affine', scale: -beta, shift: 0 }), { kind: 'softplus' });
    return { loss: pairMean(context, loss), figures: figuresOf(context, ratios, beta) };
  },
};

/** (Δ − 1/(2β))² (Azar et al., arXiv 2310.12036), with the log-ratios divided by the lengths of their answers, as TRL does. */
export const ipo: Objective<PreferenceSettings> = {
  examples: 'pair',
  report,
  loss(context, { beta }) {
    const { program } = context;
    const ratios = logRatios(context);
    const delta = margin(context, mul(program, ratios, inverseLengths(context)));
    const error = unary(program, delta, { kind: 'affine', scale: 1, shift: -1 / (2 * beta) });
    return { loss: pairMean(context, mul(program, error, error)), figures: figuresOf(context, ratios, beta) };
  },
};

/** Names and definitions are those of TRL: the means of the rewards and of their margins, and how often the preferred one is higher. */
function report({ rewards = [], weights = [] }: FigureData): Readonly<Record<string, number>> {
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

function figuresOf(context: LossContext, ratios: Value, beta: number): Loss['figures'] {
  const times = (x: Value, scale: number) => unary(context.program, x, { kind: 'affine', scale, shift: 0 });
  return { rewards: times(ratios, beta), weights: times(context.input('documentWeights'), 1) };
}

/** log π(answer) − log π_ref(answer), [D]. */
function logRatios(context: LossContext): Value {
  const { program } = context;
  return add(program, logProbability(context, 'policy'), negated(program, logProbability(context, 'reference')));
}

/** Σ over the answer's tokens of their log-probabilities, [D]. */
function logProbability(context: LossContext, model: Model): Value {
  const { program, labels, weights, documents } = context;
  const head = context.head(model);
  const { nll } = crossentropy(program, { hidden: context.hidden(model), head, labels, weights, training: false });
  const counted = negated(program, mul(program, nll, weights));
  return segmentSum(program, counted, context.input('documents'), documents);
}

/** 1 / tokens of each answer, [D]; 1 in empty slots. */
function inverseLengths(context: LossContext): Value {
  const { program, weights, documents } = context;
  const lengths = segmentSum(program, weights, context.input('documents'), documents);
  const missing = unary(program, unary(program, lengths, { kind: 'affine', scale: -1, shift: 1 }), { kind: 'relu' });
  const atLeastOne = add(program, lengths, missing);
  const log = unary(program, atLeastOne, { kind: 'log' });
  return unary(program, negated(program, log), { kind: 'exp' });
}

/** Preferred minus rejected, [D/2], of values [D]. */
function margin(context: LossContext, values: Value): Value {
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
function pairMean(context: LossContext, values: Value): Value {
  const { program, documents } = context;
  const both = segmentSum(program, context.input('documentWeights'), pairOf(context), documents / 2);
  return dot(program, values, unary(program, both, { kind: 'affine', scale: 0.5, shift: 0 }));
}
