/** Accuracies and the Matthews correlation coefficient. */

import { countsOf, LABEL_THRESHOLD, ratesOf, sumOf } from './counts';
import { meanOfDefined, metric, type LabelPredictions, type MetricTable } from './metric';

export const accuracyMetrics: MetricTable<'accuracy' | 'balancedAccuracy' | 'subsetAccuracy' | 'mcc'> = {
  accuracy: metric('higher', ['classes'], (p) => sumOf(countsOf(p)).right / p.truth.length),
  /** Mean recall of the classes that occur. */
  balancedAccuracy: metric('higher', ['classes'], (p) =>
    meanOfDefined(countsOf(p).map((one) => (one.support === 0 ? null : ratesOf(one).recall))),
  ),
  /** Share of the examples of which every label is right. */
  subsetAccuracy: metric('higher', ['labels'], subsetAccuracy),
  mcc: metric('higher', ['classes'], (p) => matthews(countsOf(p))),
};

function subsetAccuracy({ truth, probabilities, labels }: LabelPredictions): number {
  let right = 0;
  for (let at = 0; at < truth.length; at += labels) {
    let all = true;
    for (let k = at; k < at + labels; k++) all &&= (truth[k] === 1) === (probabilities[k] ?? 0) > LABEL_THRESHOLD;
    if (all) right++;
  }
  return (right * labels) / truth.length;
}

/** R_K of Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004; 0 where it is 0/0. */
function matthews(counts: ReturnType<typeof countsOf>): number {
  const { right, support: n } = sumOf(counts);
  const dot = (of: (one: (typeof counts)[number]) => number) => counts.reduce((sum, one) => sum + of(one), 0);
  const covariance = right * n - dot((one) => one.predicted * one.support);
  const spread = (n * n - dot((one) => one.predicted ** 2)) * (n * n - dot((one) => one.support ** 2));
  return spread === 0 ? 0 : covariance / Math.sqrt(spread);
}
