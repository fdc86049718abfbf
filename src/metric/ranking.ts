/**
 * Metrics of the probabilities themselves. Each class or label is measured against the rest, and the mean is taken over those for
 * which the metric is defined; of two classes only the second one is measured, which is the positive class.
 */

import { columnOf, meanOfDefined, metric, type ClassPredictions, type LabelPredictions, type MetricTable } from './metric';

/** One class or label against the rest: `truth` is 1 or 0. */
interface Binary {
  readonly truth: Float64Array;
  readonly score: Float64Array;
}

export const rankingMetrics: MetricTable<'auroc' | 'averagePrecision' | 'brier'> = {
  auroc: metric('higher', ['classes', 'labels'], (p) => meanOfDefined(binaries(p).map(auroc))),
  averagePrecision: metric('higher', ['classes', 'labels'], (p) => meanOfDefined(binaries(p).map(averagePrecision))),
  /** Mean squared error of the probabilities; of more than two classes, summed over the classes. */
  brier: metric('lower', ['classes', 'labels'], brier),
};

function binaries(p: ClassPredictions | LabelPredictions): Binary[] {
  const width = widthOf(p);
  const columns = [...Array(width).keys()].slice(p.kind === 'classes' && width === 2 ? 1 : 0);
  return columns.map((k) => ({ truth: truthOf(p, k), score: columnOf(p.probabilities, width, k) }));
}

const widthOf = (p: ClassPredictions | LabelPredictions) => (p.kind === 'classes' ? p.classes : p.labels);

function truthOf(p: ClassPredictions | LabelPredictions, k: number): Float64Array {
  return p.kind === 'classes' ? Float64Array.from(p.truth, (one) => (one === k ? 1 : 0)) : columnOf(p.truth, p.labels, k);
}

/** Probability that a positive example has a higher score than a negative one, ties counted half; null if either is missing. */
function auroc({ truth, score }: Binary): number | null {
  const positives = truth.reduce((sum, one) => sum + one, 0);
  const pairs = positives * (truth.length - positives);
  if (pairs === 0) return null;
  const ranks = meanRanks(score);
  const sum = truth.reduce((total, one, i) => total + one * (ranks[i] ?? 0), 0);
  return (sum - (positives * (positives + 1)) / 2) / pairs;
}

/**
 * Sum over the distinct scores, the highest first, of the gain in recall times the precision (scikit-learn's definition, without
 * interpolation); null unless there are positive and negative examples.
 */
function averagePrecision({ truth, score }: Binary): number | null {
  const positives = truth.reduce((sum, one) => sum + one, 0);
  if (positives === 0 || positives === truth.length) return null;
  const order = descending(score);
  let [found, gained, area] = [0, 0, 0];
  order.forEach((row, i) => {
    found += truth[row] ?? 0;
    const next = order[i + 1];
    if (next !== undefined && score[next] === score[row]) return;
    area += ((found - gained) / positives) * (found / (i + 1));
    gained = found;
  });
  return area;
}

function brier(p: ClassPredictions | LabelPredictions): number {
  const errors = binaries(p).map(({ truth, score }) => truth.reduce((sum, one, i) => sum + ((score[i] ?? 0) - one) ** 2, 0));
  const total = errors.reduce((sum, one) => sum + one, 0);
  return total / p.truth.length;
}

const descending = (values: Float64Array) => Uint32Array.from(values.keys()).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0));

/** Ranks from 1, the lowest first; equal values get the mean of their ranks. */
export function meanRanks(values: Float64Array): Float64Array {
  const order = descending(values).reverse();
  const ranks = new Float64Array(values.length);
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) to++;
    for (let i = from; i < to; i++) ranks[order[i] ?? 0] = (from + 1 + to) / 2;
  }
  return ranks;
}
