/** The contract of metrics, and the predictions that they measure. */

import { internal } from '../core/errors';
import type { MetricKind, PredictionKind } from '../recipe/metrics';

/** One class per example. R examples, K classes. */
export interface ClassPredictions {
  readonly kind: 'classes';
  readonly classes: number;
  /** [R]: the true class of each example. */
  readonly truth: ArrayLike<number>;
  /** [R, K]: the probability of each class. The prediction is the most probable class, the first one of equals. */
  readonly probabilities: ArrayLike<number>;
}

/** Any number of labels per example. R examples, K labels. */
export interface LabelPredictions {
  readonly kind: 'labels';
  readonly labels: number;
  /** [R, K]: 1 where the example has the label, else 0. */
  readonly truth: ArrayLike<number>;
  /** [R, K]: the probability of each label. Labels with more than one half are predicted. */
  readonly probabilities: ArrayLike<number>;
}

/** Numbers. R examples of K outputs; metrics are means over the outputs. */
export interface NumberPredictions {
  readonly kind: 'numbers';
  readonly outputs: number;
  /** [R, K] */
  readonly truth: ArrayLike<number>;
  /** [R, K] */
  readonly predicted: ArrayLike<number>;
}

export type Predictions = ClassPredictions | LabelPredictions | NumberPredictions;

type Of<K extends PredictionKind> = Extract<Predictions, { readonly kind: K }>;

export interface Metric {
  readonly better: 'higher' | 'lower';
  /** The kinds of predictions that it is defined for. */
  readonly measures: readonly PredictionKind[];
  /** The value; null where it is not defined: without examples, after a prediction that is not finite, or by the metric's own rule. */
  of(predictions: Predictions): number | null;
}

/** A table of metrics that has a row for each of `Kinds`. */
export type MetricTable<Kinds extends MetricKind> = { readonly [K in Kinds]: Metric };

/** A metric of the kinds `measures`. `of` gets at least one example, sizes that fit, and finite predictions. */
export function metric<K extends PredictionKind>(
  better: Metric['better'],
  measures: readonly K[],
  of: (predictions: Of<K>) => number | null,
): Metric {
  return {
    better,
    measures,
    of(predictions) {
      if (!isOf(predictions, measures))
        throw internal(`a metric of ${measures.join(' or ')} was asked about ${predictions.kind}`);
      checkSizes(predictions);
      return predictions.truth.length > 0 && allFinite(predictions) ? of(predictions) : null;
    },
  };
}

function isOf<K extends PredictionKind>(predictions: Predictions, kinds: readonly K[]): predictions is Of<K> {
  return kinds.some((kind) => kind === predictions.kind);
}

const valuesOf = (p: Predictions) => (p.kind === 'numbers' ? p.predicted : p.probabilities);

function allFinite(predictions: Predictions): boolean {
  return Array.prototype.every.call(valuesOf(predictions), Number.isFinite);
}

function checkSizes(p: Predictions): void {
  const size = p.truth.length * (p.kind === 'classes' ? p.classes : 1);
  const found = valuesOf(p).length;
  if (found !== size) throw internal(`${found} predictions for ${p.truth.length} true values of ${p.kind}, expected ${size}`);
  const width = p.kind === 'labels' ? p.labels : p.kind === 'numbers' ? p.outputs : 1;
  if (size % width !== 0) throw internal(`${size} ${p.kind} are no rows of ${width}`);
  if (p.kind === 'classes') checkClasses(p);
}

function checkClasses({ truth, classes }: ClassPredictions): void {
  for (let row = 0; row < truth.length; row++) {
    const one = truth[row] ?? NaN;
    if (!Number.isInteger(one) || one < 0 || one >= classes)
      throw internal(`the true class ${one} is not one of ${classes} classes`);
  }
}

/** Mean of the values that are defined; null when none is. */
export function meanOfDefined(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length === 0 ? null : defined.reduce((sum, value) => sum + value, 0) / defined.length;
}

/** Column `column` of a matrix with `width` columns. */
export function columnOf(matrix: ArrayLike<number>, width: number, column: number): Float64Array {
  return Float64Array.from({ length: matrix.length / width }, (_, row) => matrix[row * width + column] ?? 0);
}
