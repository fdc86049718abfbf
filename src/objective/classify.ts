/**
 * Losses of classifiers and regressors of sequences, as transformers computes them for `problem_type`: the weighted mean over the
 * documents of the loss of a document. Figure: `outputs` [D, K].
 */

import { add } from '../../kernels/add';
import { matmul } from '../../kernels/matmul';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { dot } from '../../kernels/scale';
import { softmaxLoss } from '../../kernels/softmax_loss';
import { unary } from '../../kernels/unary';
import { negated, type LossContext, type Objective } from './objective';

/** One class for each document: cross-entropy of the softmax. */
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
    const { program } = context;
    const outputs = context.outputs();
    const agreement = mul(program, outputs, context.input('targets'));
    const each = add(program, unary(program, outputs, { kind: 'softplus' }), negated(program, agreement));
    return { loss: weightedMean(context, each), figures: { outputs } };
  },
};

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
