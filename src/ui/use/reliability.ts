/** The reliability of probabilities as points and in words. Pure. */

import { hasLabels, type Calibration } from '../../state/calibration';
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

/** What the bins of a reliability diagram are of. */
export interface ReliabilityWords {
  /** Of the horizontal axis, and what the height is. */
  readonly axis: string;
  readonly height: string;
  /** What a bin counts, in the singular. */
  readonly counted: string;
  readonly bin: (confidence: string, share: string) => string;
}

const CLASSES: ReliabilityWords = {
  axis: 'how sure the model is (confidence)',
  height: 'the share that is right',
  counted: 'row',
  bin: (confidence, share) => `that are ${confidence} sure: ${share} right.`,
};

const LABELS: ReliabilityWords = {
  axis: 'probability of the label',
  height: 'the share that has the label',
  counted: 'label',
  bin: (confidence, share) => `with a probability of ${confidence}: ${share} are there.`,
};

export const reliabilityWords = (run: Parameters<typeof hasLabels>[0]): ReliabilityWords => (hasLabels(run) ? LABELS : CLASSES);

/** `212 rows that are 97 % sure: 95 % right.` for each bin. */
export function binWords({ bins }: Calibration, { counted, bin }: ReliabilityWords): string {
  const words = bins.map(({ count, confidence, accuracy }) =>
    count === 0 ? null : `${plural(count, counted)} ${bin(percent(confidence), percent(accuracy))}`,
  );
  return words.filter((one) => one !== null).join(' ');
}

/** A calibration error such as `3.2 %`. */
export function errorWords(calibration: Calibration | null): string {
  return calibration === null ? '–' : `${(100 * calibration.ece).toFixed(1)} %`;
}
