/** The calibration of a classifier on rows that were measured: before, after, and the temperature that is offered. Pure. */

import type { MeasuredExamples, RunView, StoredCalibration } from '../../workers/api';
import { calibrationOf, fitTemperature, type Bin, type Calibration } from '../metric/calibration';
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
  labels: 'Each label has a probability of its own: one temperature for all would not calibrate them, so none is fitted.',
  numbers: 'Numbers have no probability.',
  score: 'Scores have no probability.',
  none: 'Texts have no category.',
} as const;

const dataOf = ({ outputs, truth }: MeasuredExamples) => ({
  logits: outputs,
  truth,
  classes: outputs.length / Math.max(1, truth.length),
});

/** The calibration of one class per row, with the outputs divided by `temperature`. */
export function calibrated(examples: MeasuredExamples, temperature = 1): Calibration | null {
  return calibrationOf(dataOf(examples), temperature);
}

/** The temperature that suits the rows best; null where none does. */
export function fitted(examples: MeasuredExamples): number | null {
  return fitTemperature(dataOf(examples));
}
