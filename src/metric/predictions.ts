/** Predictions from the outputs of a model. */

import { internal } from '../core/errors';
import type { ClassPredictions, LabelPredictions } from './metric';

/** Predictions of one class per example from logits [R, K] and true classes [R]: the probabilities are their softmax. */
export function classPredictions(logits: ArrayLike<number>, truth: ArrayLike<number>, classes: number): ClassPredictions {
  return { kind: 'classes', classes, truth, probabilities: softmax(logits, classes) };
}

/** Predictions of labels from logits [R, K] and truth [R, K]: the probabilities are their sigmoid. */
export function labelPredictions(logits: ArrayLike<number>, truth: ArrayLike<number>, labels: number): LabelPredictions {
  return { kind: 'labels', labels, truth, probabilities: Float64Array.from(logits, (x) => 1 / (1 + Math.exp(-x))) };
}

/** Softmax of each row of [R, K], in f64. */
function softmax(logits: ArrayLike<number>, classes: number): Float64Array {
  if (logits.length % classes !== 0) throw internal(`${logits.length} logits are no rows of ${classes} classes`);
  const result = new Float64Array(logits.length);
  for (let row = 0; row < logits.length; row += classes) {
    let [most, sum] = [-Infinity, 0];
    for (let k = row; k < row + classes; k++) most = Math.max(most, logits[k] ?? NaN);
    for (let k = row; k < row + classes; k++) sum += result[k] = Math.exp((logits[k] ?? NaN) - most);
    for (let k = row; k < row + classes; k++) result[k] = (result[k] ?? NaN) / sum;
  }
  return result;
}

/** The predicted class of each row of [R, K]: the index of the largest value, the first one of equals. */
export function largestOf(values: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({ length: values.length / classes }, (_, row) => {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if ((values[row * classes + k] ?? NaN) > (values[row * classes + best] ?? NaN)) best = k;
    }
    return best;
  });
}
