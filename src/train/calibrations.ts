/** The temperatures that calibrate the classifiers of a run, by checkpoint. Pure. */

import type { RunRecord, StoredCalibration } from '../checkpoint/types';

type Calibrated = Pick<RunRecord, 'calibrations'>;

/** The temperature of the checkpoint at `step`; null: of the newest. 1 where it was not calibrated. */
export function temperatureAt(
  run: Calibrated & { readonly checkpoints: readonly { readonly step: number }[] },
  step: number | null,
): number {
  const at = step ?? Math.max(...run.checkpoints.map((checkpoint) => checkpoint.step));
  return calibrationAt(run, at)?.temperature ?? 1;
}

export function calibrationAt({ calibrations = [] }: Calibrated, step: number): StoredCalibration | null {
  return calibrations.find((one) => one.step === step) ?? null;
}

/** The calibrations with another one, or none, for the checkpoint at `step`. */
export function withCalibration(
  { calibrations = [] }: Calibrated,
  step: number,
  calibration: StoredCalibration | null,
): readonly StoredCalibration[] {
  return [...calibrations.filter((one) => one.step !== step), ...(calibration === null ? [] : [calibration])];
}
