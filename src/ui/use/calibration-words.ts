/** The calibration of a checkpoint in words. Pure. */

import type { RunView, StoredCalibration } from '../../../workers/api';
import type { Calibration } from '../../state/calibration';
import type { MeasuredRows } from '../../state/measure.svelte';
import { holdsOut } from '../../state/parts';
import { plural } from '../format';

const OFFER =
  'One click fits a temperature, by which the outputs are divided. What is predicted stays the same; only how sure the model is changes.';
const SAME = 'These are the rows shown here: a test file shows how well it holds.';
const NO_GAIN = 'The calibration error did not fall: a temperature does not mend it, or the rows are too few to tell.';
const KEPT = 'Predictions and downloaded files have it. What is predicted is the same as before.';

/** Why no temperature can be fitted on these rows, in sentences; null where one can. */
export function offerBlocker(
  run: Pick<RunView, 'recipe' | 'parts'>,
  { file, test }: MeasuredRows,
  fitted: () => number | null,
): string | null {
  if (test) return 'It is fitted on other rows: the held-out rows, or a file. The test rows stay a test.';
  if (file !== null && holdsOut(run)) return 'It is fitted on the held-out rows above, so that this file stays a test of it.';
  if (fitted() === null)
    return 'No temperature suits these rows: every prediction is right, or how sure the model is says nothing. Measure on more rows.';
  return null;
}

/** What was fitted on which rows; or what a click would do. */
export function fittedWords(
  kept: StoredCalibration | null,
  { file, test }: MeasuredRows,
  before: Calibration | null = null,
  after: Calibration | null = null,
): string {
  if (kept === null) {
    const test = file === null ? '' : ' It is then fitted on this file: measure on other rows to test it.';
    return `${OFFER}${test}`;
  }
  const on = `Fitted on ${plural(kept.rows, kept.file === null ? 'held-out row' : 'row')}${kept.file === null ? '' : ` of ${kept.file}`}.`;
  const same = !test && (file?.name ?? null) === kept.file;
  const worse = before !== null && after !== null && after.ece >= before.ece;
  const notes = [on, ...(same ? [SAME] : []), ...(worse ? [NO_GAIN] : []), KEPT];
  return notes.join(' ');
}

export function temperatureWords(kept: StoredCalibration | null): string {
  return kept === null ? '–' : kept.temperature.toPrecision(3);
}
