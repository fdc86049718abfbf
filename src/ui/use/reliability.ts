/** The reliability of probabilities as points and in words. Pure. */

import type { Calibration } from '../../state/calibration';
import { plural } from '../format';

export interface Point {
  readonly bin: number;
  readonly confidence: number;
  readonly accuracy: number;
  /** Grows with the share of the rows. */
  readonly radius: number;
}

/** A point for each bin that has rows. */
export function pointsOf(calibration: Calibration | null): readonly Point[] {
  const bins = calibration?.bins ?? [];
  const rows = bins.reduce((sum, { count }) => sum + count, 0);
  return bins.flatMap(({ count, confidence, accuracy }, bin) =>
    count === 0 ? [] : [{ bin, confidence, accuracy, radius: 3 + 6 * Math.sqrt(count / rows) }],
  );
}

const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;

/** `212 rows that are 97 % sure: 95 % right.` for each bin. */
export function binWords({ bins }: Calibration): string {
  const words = bins.map(({ count, confidence, accuracy }) =>
    count === 0 ? null : `${plural(count, 'row')} that are ${percent(confidence)} sure: ${percent(accuracy)} right.`,
  );
  return words.filter((one) => one !== null).join(' ');
}

/** A calibration error such as `3.2 %`. */
export function errorWords(calibration: Calibration | null): string {
  return calibration === null ? '–' : `${(100 * calibration.ece).toFixed(1)} %`;
}
