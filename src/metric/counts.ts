/** Counts of right and wrong predictions by class or label, and precision, recall and F1 from them. */

import type { ClassPredictions, LabelPredictions } from './metric';
import { largestOf } from './predictions';

/** Counts of one class or label. `support`: examples that have it; `predicted`: examples for which it was predicted. */
export interface Counts {
  readonly right: number;
  readonly predicted: number;
  readonly support: number;
}

/** Precision, recall and F1, as scikit-learn defines them: 0 where they are 0/0. */
export interface Rates {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Probability above which a label is predicted. */
export const LABEL_THRESHOLD = 0.5;

/** The confusion matrix [K, K] of one class per example: row = true class, column = predicted class. */
export function confusionMatrix({ truth, probabilities, classes }: ClassPredictions): Int32Array {
  const matrix = new Int32Array(classes * classes);
  largestOf(probabilities, classes).forEach((predicted, row) => {
    const cell = (truth[row] ?? 0) * classes + predicted;
    matrix[cell] = (matrix[cell] ?? 0) + 1;
  });
  return matrix;
}

/** Counts of each class or label. */
export function countsOf(predictions: ClassPredictions | LabelPredictions): Counts[] {
  return predictions.kind === 'classes' ? classCounts(predictions) : labelCounts(predictions);
}

function classCounts(predictions: ClassPredictions): Counts[] {
  const matrix = confusionMatrix(predictions);
  const { classes } = predictions;
  const sum = (from: number, stride: number) => {
    let total = 0;
    for (let i = 0; i < classes; i++) total += matrix[from + i * stride] ?? 0;
    return total;
  };
  return Array.from({ length: classes }, (_, k) => {
    return { right: matrix[k * classes + k] ?? 0, predicted: sum(k, classes), support: sum(k * classes, 1) };
  });
}

function labelCounts({ truth, probabilities, labels }: LabelPredictions): Counts[] {
  const counts = Array.from({ length: labels }, () => ({ right: 0, predicted: 0, support: 0 }));
  for (let at = 0; at < truth.length; at += labels) {
    counts.forEach((count, k) => {
      const [has, guessed] = [truth[at + k] === 1, (probabilities[at + k] ?? 0) > LABEL_THRESHOLD];
      if (has) count.support++;
      if (guessed) count.predicted++;
      if (has && guessed) count.right++;
    });
  }
  return counts;
}

/** The rates of one class, or of all labels together if the counts are summed. */
export function ratesOf({ right, predicted, support }: Counts): Rates {
  const ratio = (a: number, b: number) => (b === 0 ? 0 : a / b);
  return { precision: ratio(right, predicted), recall: ratio(right, support), f1: ratio(2 * right, predicted + support) };
}

/** The counts of all classes or labels together. */
export function sumOf(counts: readonly Counts[]): Counts {
  return counts.reduce(
    (sum, one) => ({
      right: sum.right + one.right,
      predicted: sum.predicted + one.predicted,
      support: sum.support + one.support,
    }),
    { right: 0, predicted: 0, support: 0 },
  );
}
