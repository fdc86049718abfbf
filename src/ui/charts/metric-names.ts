/** The names of what the measurements of runs report. */

import type { MetricKind } from '../../recipe/metrics';
import type { Monitor } from '../../recipe/monitors';

/** Every metric by the name that the field has for it. */
export const METRIC_NAMES: Readonly<Record<MetricKind, string>> = {
  accuracy: 'Accuracy',
  balancedAccuracy: 'Balanced accuracy',
  subsetAccuracy: 'All labels right (subset accuracy)',
  macroF1: 'F1, macro',
  macroPrecision: 'Precision, macro',
  macroRecall: 'Recall, macro',
  microF1: 'F1, micro',
  microPrecision: 'Precision, micro',
  microRecall: 'Recall, micro',
  weightedF1: 'F1, weighted',
  weightedPrecision: 'Precision, weighted',
  weightedRecall: 'Recall, weighted',
  mcc: 'Matthews correlation (MCC)',
  auroc: 'Area under the ROC curve (AUROC)',
  averagePrecision: 'Average precision',
  brier: 'Brier score',
  mse: 'Mean squared error (MSE)',
  rmse: 'Root of the mean squared error (RMSE)',
  mae: 'Mean absolute error (MAE)',
  r2: 'R²',
  pearson: 'Correlation (Pearson)',
  spearman: 'Rank correlation (Spearman)',
};

/** Every measure that may judge a run. */
export const MONITOR_NAMES: Readonly<Record<Monitor, string>> = {
  loss: 'Held-out loss',
  ...METRIC_NAMES,
  'rewards/accuracies': 'Reward accuracy',
  'rewards/margins': 'Reward margin',
  nll_loss: 'Loss of preferred texts',
  margin: 'Reward margin',
  'distil/kl': 'Divergence from the teacher',
  'distil/cross_entropy': 'Cross-entropy',
};
