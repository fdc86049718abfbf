/** The measure that judges a run, read from a held-out measurement. */

import type { MetricKind } from '../recipe/metrics';
import type { Monitor, Reported } from '../recipe/monitors';
import { METRICS } from '.';
import type { Metric } from './metric';

/** The part of a held-out measurement that is read here. */
interface Measured {
  readonly loss: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Of what no metric is; that of metrics is in their own table. */
const BETTER: Readonly<Record<Exclude<Monitor, MetricKind>, Metric['better']>> = {
  loss: 'lower',
  'rewards/accuracies': 'higher',
  'rewards/margins': 'higher',
  nll_loss: 'lower',
  margin: 'higher',
  'distil/kl': 'lower',
  'distil/cross_entropy': 'lower',
} satisfies Record<Reported | 'loss', Metric['better']>;

const isMetric = (monitor: Monitor): monitor is MetricKind => Object.hasOwn(METRICS, monitor);

/** Which of two values of the measure is the better one. */
export function betterOf(monitor: Monitor): Metric['better'] {
  return isMetric(monitor) ? METRICS[monitor].better : BETTER[monitor];
}

/** The value of the measure; null where the measurement does not have it. It may not be finite. */
export function monitored({ loss, metrics }: Measured, monitor: Monitor): number | null {
  return monitor === 'loss' ? loss : (metrics?.[monitor] ?? null);
}

/** The value with a sign that makes less of it better; null where the measurement does not have it. It may not be finite. */
export function scoreOf(measured: Measured, monitor: Monitor): number | null {
  const value = monitored(measured, monitor);
  return value === null || betterOf(monitor) === 'lower' ? value : -value;
}
