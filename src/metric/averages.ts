/**
 * Precision, recall and F1 of several classes or labels. Macro: the mean over all of them, also over those that do not occur.
 * Weighted: the mean with their support as the weight. Micro: from the summed counts, which of one class per example is the accuracy.
 */

import { countsOf, ratesOf, sumOf, type Rates } from './counts';
import { metric, type Metric, type MetricTable } from './metric';

export const averageMetrics: MetricTable<
  | 'macroF1'
  | 'macroPrecision'
  | 'macroRecall'
  | 'weightedF1'
  | 'weightedPrecision'
  | 'weightedRecall'
  | 'microF1'
  | 'microPrecision'
  | 'microRecall'
> = {
  macroF1: macro('f1'),
  macroPrecision: macro('precision'),
  macroRecall: macro('recall'),
  weightedF1: weighted('f1'),
  weightedPrecision: weighted('precision'),
  weightedRecall: weighted('recall'),
  microF1: micro('f1'),
  microPrecision: micro('precision'),
  microRecall: micro('recall'),
};

function macro(rate: keyof Rates): Metric {
  return metric('higher', ['classes', 'labels'], (predictions) => {
    const counts = countsOf(predictions);
    return counts.reduce((sum, one) => sum + ratesOf(one)[rate], 0) / counts.length;
  });
}

/** Not defined for labels that no example has. */
function weighted(rate: keyof Rates): Metric {
  return metric('higher', ['classes', 'labels'], (predictions) => {
    const counts = countsOf(predictions);
    const { support } = sumOf(counts);
    return support === 0 ? null : counts.reduce((sum, one) => sum + ratesOf(one)[rate] * one.support, 0) / support;
  });
}

function micro(rate: keyof Rates): Metric {
  return metric('higher', ['labels'], (predictions) => ratesOf(sumOf(countsOf(predictions)))[rate]);
}
