/** The metrics that a run can report, by the kind of predictions that they measure. `src/metric` has their formulas. */

/** Metrics of one class per example. */
const ofClasses = [
  'accuracy',
  'balancedAccuracy',
  'macroF1',
  'macroPrecision',
  'macroRecall',
  'weightedF1',
  'weightedPrecision',
  'weightedRecall',
  'mcc',
  'auroc',
  'averagePrecision',
  'brier',
] as const;

/** Metrics of any number of labels per example. */
const ofLabels = [
  'subsetAccuracy',
  'microF1',
  'microPrecision',
  'microRecall',
  'macroF1',
  'macroPrecision',
  'macroRecall',
  'weightedF1',
  'weightedPrecision',
  'weightedRecall',
  'auroc',
  'averagePrecision',
  'brier',
] as const;

/** Metrics of numbers. */
const ofNumbers = ['mse', 'rmse', 'mae', 'r2', 'pearson', 'spearman'] as const;

/** The metrics of each kind of predictions, the most useful ones first. */
export const metricKinds = { classes: ofClasses, labels: ofLabels, numbers: ofNumbers } as const;

/** `classes`: one class per example; `labels`: any number of labels per example; `numbers`: one number or more per example. */
export type PredictionKind = keyof typeof metricKinds;

export type MetricKind = (typeof metricKinds)[PredictionKind][number];

/** The most classes of which a measurement reports the confusion matrix: its size is their square. */
export const MAX_CONFUSED = 50;
