/** The calibration of a classifier on rows that were measured: before, after, and the temperature that is offered. Pure. */

import type { MeasuredExamples, RunView, StoredCalibration } from '../../workers/api';
import { calibrationOf, fitTemperature, labelLogits, type Bin, type Calibration } from '../metric/calibration';
import { taskOf } from '../recipe/tasks';

export { BINS } from '../metric/calibration';
export type { Bin, Calibration };

/** The temperature that is kept for a checkpoint; null where there is none. */
export function calibrationAt({ calibrations = [] }: Pick<RunView, 'calibrations'>, step: number): StoredCalibration | null {
  return calibrations.find((one) => one.step === step) ?? null;
}

/** The temperature by which the outputs of a checkpoint are divided. */
export function temperatureOf(run: Pick<RunView, 'calibrations'>, step: number): number {
  return calibrationAt(run, step)?.temperature ?? 1;
}

/** Why the probabilities of a run are not calibrated, in a sentence; null where they are. */
export function calibrationBlocker({ recipe }: Pick<RunView, 'recipe'>): string | null {
  return REASONS[taskOf(recipe.objective) ?? 'none'];
}

const REASONS = {
  class: null,
  labels: null,
  numbers: 'Numbers have no probability.',
  score: 'Scores have no probability.',
  none: 'Texts have no category.',
} as const;

type Calibrated = Pick<RunView, 'recipe'>;

/** Any number of labels may be true of a row; else one class is. */
export function hasLabels({ recipe }: Calibrated): boolean {
  return taskOf(recipe.objective) === 'labels';
}

function dataOf(run: Calibrated, { outputs, truth }: MeasuredExamples) {
  if (hasLabels(run)) return labelLogits(outputs, truth);
  return { logits: outputs, truth, classes: outputs.length / Math.max(1, truth.length) };
}

/** The calibration of the classes or labels of rows, with the outputs divided by `temperature`. */
export function calibrated(run: Calibrated, examples: MeasuredExamples, temperature = 1): Calibration | null {
  return calibrationOf(dataOf(run, examples), temperature);
}

/** The temperature that suits the rows best, one for all labels; null where none does. */
export function fitted(run: Calibrated, examples: MeasuredExamples): number | null {
  return fitTemperature(dataOf(run, examples));
}
