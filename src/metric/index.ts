/** The table of metrics. A new metric is a row here, a name in `src/recipe/metrics.ts`, and a file if its family is new. */

import type { MetricKind } from '../recipe/metrics';
import { accuracyMetrics } from './accuracy';
import { averageMetrics } from './averages';
import type { MetricTable } from './metric';
import { rankingMetrics } from './ranking';
import { regressionMetrics } from './regression';

export const METRICS: MetricTable<MetricKind> = {
  ...accuracyMetrics,
  ...averageMetrics,
  ...rankingMetrics,
  ...regressionMetrics,
};
