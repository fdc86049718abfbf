/**
 * Losses of classifiers and regressors of sequences, as transformers computes them for `problem_type`: the weighted mean over the
 * documents of the loss of a document. Figure: `outputs` [D, K].
 */

import { add } from '../../kernels/add';
import { columnAffine } from '../../kernels/column_affine';
import { matmul } from '../../kernels/matmul';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { dot } from '../../kernels/scale';
import { softmaxLoss } from '../../kernels/softmax_loss';
import { unary } from '../../kernels/unary';
import { negated, type LossContext, type Objective } from './objective';

/** One class for each document: cross-entropy of the softmax. The weights of documents are those of their classes. */
export const classify: Objective<object> = {
  examples: 'class',
  loss(context) {
    const outputs = context.outputs();
    const nll = softmaxLoss(context.program, outputs, context.input('classes'));
    return { loss: dot(context.program, nll, context.input('documentWeights')), figures: { outputs } };
  },
};

/** Any number of labels: cross-entropy of the sigmoid, log(1 + eᶻ) − t·z, averaged over the labels. */
export const multiLabel: Objective<object> = {
  examples: 'labels',
  loss(context) {
    const outputs = context.outputs();
    const { labelWeights } = context;
    const each = labelWeights === null ? crossEntropy(context, outputs) : weightedCrossEntropy(context, outputs, labelWeights);
    return { loss: weightedMean(context, each), figures: { outputs } };
  },
};

/** log(1 + eᶻ) − t·z for z [D, K]. */
function crossEntropy(context: LossContext, outputs: Value): Value {
  const { program } = context;
  const agreement = mul(program, outputs, context.input('targets'));
  return add(program, unary(program, outputs, { kind: 'softplus' }), negated(program, agreement));
}

/** (1 − t)·z + (1 + (w − 1)·t)·log(1 + e⁻ᶻ) for the weights w [K]: torch's binary_cross_entropy_with_logits with `pos_weight`. */
function weightedCrossEntropy(context: LossContext, outputs: Value, weights: readonly number[]): Value {
  const { program } = context;
  const targets = context.input('targets');
  const constant = (name: string, of: (weight: number) => number) =>
    context.constant(name, Float32Array.from(weights, of), [weights.length]);
  const [factor, shift] = [constant('labelWeights', (weight) => weight - 1), constant('ones', () => 1)];
  const weight = columnAffine(program, targets, { factor, shift });
  const without = unary(program, targets, { kind: 'affine', scale: -1, shift: 1 });
  const missed = unary(program, negated(program, outputs), { kind: 'softplus' });
  return add(program, mul(program, without, outputs), mul(program, weight, missed));
}

/** Numbers: squared error, averaged over the numbers of a document. */
export const regress: Objective<object> = {
  examples: 'numbers',
  loss(context) {
    const { program } = context;
    const outputs = context.outputs();
    const error = add(program, outputs, negated(program, context.input('targets')));
    return { loss: weightedMean(context, mul(program, error, error)), figures: { outputs } };
  },
};

/** Σ over documents of weight · mean of the row, for values [D, K]. */
function weightedMean(context: LossContext, values: Value): Value {
  const { program } = context;
  const [, width = 1] = values.shape;
  const share = context.constant('share', new Float32Array(width).fill(1 / width), [1, width]);
  return dot(program, matmul(program, { a: values, w: share }), context.input('documentWeights', 'column'));
}
