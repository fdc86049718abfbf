/** The curves of a chart, and the colour, line and mark that distinguish them. */

import type { Points } from './series';

/** `line` is the main curve, `faint` the raw values behind it, `marks` single measurements joined by a broken line. */
export type CurveKind = 'line' | 'faint' | 'marks';

export interface Curve {
  readonly label: string;
  readonly kind: CurveKind;
  /** Name of the custom property with the colour. */
  readonly ink: string;
  /** Lengths of strokes and gaps; absent for an unbroken line. */
  readonly dash?: readonly number[];
  readonly points: Points;
}

export const inks = { training: '--curve-train', heldOut: '--curve-heldout' } as const;

/** Colour and dash of the n-th run of a comparison; colours repeat after eight. */
export function runLook(index: number): { ink: string; dash?: readonly number[] } {
  const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
  const dash = dashes[index % dashes.length] ?? [];
  return { ink: `--ink-run-${(index % 8) + 1}`, ...(dash.length > 0 && { dash }) };
}
