/** What steps and held-out measurements report beside their losses, from the figures of the objective. */

import type { Batch } from '../batch/types';
import type { EvalRow } from '../checkpoint/types';
import { METRICS } from '../metric';
import { confusionMatrix } from '../metric/counts';
import type { Predictions } from '../metric/metric';
import { objectiveOf } from '../objective';
import type { FigureData } from '../objective/objective';
import { MAX_CONFUSED, metricKinds } from '../recipe/metrics';
import { taskOf } from '../recipe/tasks';
import { TASKS } from '../task';
import type { LabelTask } from '../task/task';
import { countOf } from './batch-writer';
import type { Job } from './job';

/** By name; undefined where there is nothing to report. */
export type Report = Readonly<Record<string, number>> | undefined;

/** What a measurement reports beside its loss. */
export type Measured = Pick<EvalRow, 'metrics' | 'confusion' | 'sources'>;

export interface Reports {
  /** Of a step. */
  readonly step: (figures: FigureData) => Report;
  /** Of a measurement of the held-out batches; `parts`: the share of each in the loss. */
  readonly heldOut: (figures: FigureData, parts: readonly number[]) => Measured;
}

export function reportsOf({ objective, outputs }: Job, heldOut: readonly Batch[]): Reports {
  const learned = objectiveOf(objective);
  const task = taskOf(objective);
  const report = (figures: FigureData) => learned.report?.(figures, objective);
  const predicted = task === null ? null : TASKS[task];
  const measured = (figures: FigureData) =>
    predicted === null || predicted.truth === null
      ? withMetrics(report(figures))
      : measuredOf(predictionsOf(predicted, heldOut, figures['outputs'] ?? [], outputs));
  return { step: report, heldOut: (figures, parts) => ({ ...measured(figures), ...sourceLosses(heldOut, parts) }) };
}

/** The mean loss of each dataset of a mixture, as `EvalRow` has it; nothing for a single dataset. */
export function sourceLosses(heldOut: readonly Batch[], parts: readonly number[]): Pick<EvalRow, 'sources'> {
  const last = heldOut.at(-1)?.source;
  if (last === undefined) return {};
  const counted = heldOut.reduce((sum, batch) => sum + countOf(batch), 0);
  const of = Array.from({ length: last + 1 }, () => ({ loss: 0, counted: 0 }));
  heldOut.forEach((batch, i) => {
    const source = of[batch.source ?? -1];
    if (source === undefined) return;
    source.loss += (parts[i] ?? NaN) * counted;
    source.counted += countOf(batch);
  });
  return { sources: of.map((source) => (source.counted === 0 ? null : source.loss / source.counted)) };
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

/** `outputs` [D, K] of each batch; `width`: K. */
function predictionsOf(task: LabelTask, batches: readonly Batch[], outputs: readonly Float32Array[], width: number): Predictions {
  const truth = batches.map(({ inputs }) => inputs?.[task.truth] ?? []);
  return task.predictions(filled(batches, outputs, width), filled(batches, truth, task.truth === 'classes' ? 1 : width), width);
}

/** The rows of `width` numbers of the slots that have a document, of all batches. */
function filled(batches: readonly Batch[], arrays: readonly ArrayLike<number>[], width: number): Float64Array {
  const numbers = batches.flatMap(({ inputs }, b) =>
    Array.from(arrays[b] ?? []).filter((_, i) => (inputs?.documentWeights?.[Math.floor(i / width)] ?? 0) > 0),
  );
  return Float64Array.from(numbers);
}
