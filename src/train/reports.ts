/** What steps and held-out measurements report beside their losses, from the figures of the objective. */

import type { Batch } from '../batch/types';
import type { EvalRow } from '../checkpoint/types';
import { METRICS } from '../metric';
import { confusionMatrix } from '../metric/counts';
import type { Predictions } from '../metric/metric';
import { classPredictions, labelPredictions } from '../metric/predictions';
import { objectiveOf } from '../objective';
import type { FigureData } from '../objective/objective';
import { MAX_CONFUSED, metricKinds } from '../recipe/metrics';
import type { Job } from './job';

/** By name; undefined where there is nothing to report. */
export type Report = Readonly<Record<string, number>> | undefined;

/** What a measurement reports beside its loss. */
export type Measured = Pick<EvalRow, 'metrics' | 'confusion'>;

export interface Reports {
  /** Of a step. */
  readonly step: (figures: FigureData) => Report;
  /** Of a measurement of the held-out batches. */
  readonly heldOut: (figures: FigureData) => Measured;
}

export function reportsOf(job: Job, heldOut: readonly Batch[]): Reports {
  const objective = objectiveOf(job.objective);
  const report = (figures: FigureData) => objective.report?.(figures);
  const measured = (figures: FigureData) => measuredOf(predictionsOf(job, heldOut, figures['outputs'] ?? []));
  return { step: report, heldOut: objective.classifies ? measured : (figures) => withMetrics(report(figures)) };
}

const withMetrics = (metrics: Report): Measured => ({ ...(metrics && { metrics }) });

/** The metrics of predictions, and of one class per example the confusion matrix. */
function measuredOf(predictions: Predictions): Measured {
  const shown = predictions.kind === 'classes' && predictions.classes <= MAX_CONFUSED;
  return { ...withMetrics(metricsOf(predictions)), ...(shown && { confusion: Array.from(confusionMatrix(predictions)) }) };
}

/** Every metric of such predictions that is defined for them. */
function metricsOf(predictions: Predictions): Report {
  const values = metricKinds[predictions.kind].map((kind) => [kind, METRICS[kind].of(predictions)] as const);
  return Object.fromEntries(values.filter((entry): entry is typeof entry & readonly [string, number] => entry[1] !== null));
}

/** `outputs` [D, K] of each batch. */
function predictionsOf(
  { objective, outputs: width }: Job,
  batches: readonly Batch[],
  outputs: readonly Float32Array[],
): Predictions {
  const values = filled(batches, outputs, width);
  const { examples } = objectiveOf(objective);
  if (examples === 'class') return classPredictions(values, filled(batches, inputOf(batches, 'classes'), 1), width);
  const truth = filled(batches, inputOf(batches, 'targets'), width);
  if (examples === 'labels') return labelPredictions(values, truth, width);
  return { kind: 'numbers', outputs: width, truth, predicted: values };
}

const inputOf = (batches: readonly Batch[], name: 'classes' | 'targets') => batches.map(({ inputs }) => inputs?.[name] ?? []);

/** The rows of `width` numbers of the slots that have a document, of all batches. */
function filled(batches: readonly Batch[], arrays: readonly ArrayLike<number>[], width: number): Float64Array {
  const numbers = batches.flatMap(({ inputs }, b) =>
    Array.from(arrays[b] ?? []).filter((_, i) => inputs?.documentWeights?.[Math.floor(i / width)] === 1),
  );
  return Float64Array.from(numbers);
}
