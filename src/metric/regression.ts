/** Metrics of numbers: means over the outputs, each measured on its own. */

import { columnOf, metric, type Metric, type MetricTable, type NumberPredictions } from './metric';
import { meanRanks } from './ranking';

type Measure = (truth: Float64Array, predicted: Float64Array) => number | null;

export const regressionMetrics: MetricTable<'mse' | 'rmse' | 'mae' | 'r2' | 'pearson' | 'spearman'> = {
  mse: perOutput('lower', mse),
  rmse: perOutput('lower', (truth, predicted) => Math.sqrt(mse(truth, predicted))),
  mae: perOutput('lower', (truth, predicted) => mean(truth.map((one, i) => Math.abs(one - (predicted[i] ?? 0))))),
  r2: perOutput('higher', r2),
  pearson: perOutput('higher', pearson),
  spearman: perOutput('higher', (truth, predicted) => pearson(meanRanks(truth), meanRanks(predicted))),
};

/** The mean over the outputs; null when it is not defined for one of them. */
function perOutput(better: Metric['better'], of: Measure): Metric {
  return metric(better, ['numbers'], ({ truth, predicted, outputs }: NumberPredictions) => {
    let sum = 0;
    for (let k = 0; k < outputs; k++) {
      const value = of(columnOf(truth, outputs, k), columnOf(predicted, outputs, k));
      if (value === null) return null;
      sum += value;
    }
    return sum / outputs;
  });
}

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

function mse(truth: Float64Array, predicted: Float64Array): number {
  return mean(truth.map((one, i) => (one - (predicted[i] ?? 0)) ** 2));
}

/** 1 − squared error / squared deviation of the truth; null for a constant truth, so also for one example. */
function r2(truth: Float64Array, predicted: Float64Array): number | null {
  if (isConstant(truth)) return null;
  const centre = mean(truth);
  return 1 - mse(truth, predicted) / mean(truth.map((one) => (one - centre) ** 2));
}

/** Null when either is constant. */
function pearson(truth: Float64Array, predicted: Float64Array): number | null {
  if (isConstant(truth) || isConstant(predicted)) return null;
  const [a, b] = [deviations(truth), deviations(predicted)];
  const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function deviations(values: Float64Array): Float64Array {
  const centre = mean(values);
  return values.map((value) => value - centre);
}

/** Exact: the sum of squared deviations of a constant may not be 0 because of rounding. */
const isConstant = (values: Float64Array) => values.every((value) => value === values[0]);
