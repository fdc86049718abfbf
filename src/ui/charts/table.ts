/** A chart as text and table, for screen readers. Pure. */

import type { Curve } from './curve';
import { nearest, spread, type Points } from './series';

/** Rows for a table: an x and one cell a curve, null where it has no point there. */
export interface TableRow {
  readonly x: number;
  readonly cells: readonly (number | null)[];
}

/** At most `count` rows spaced over the longest curve, and at most as many of each `marks` curve. */
export function tableRows(curves: readonly Curve[], count: number): TableRow[] {
  const longest = curves.reduce<readonly number[]>((most, c) => (c.points.xs.length > most.length ? c.points.xs : most), []);
  const marked = curves.filter((c) => c.kind === 'marks').flatMap((c) => spreadXs(c.points.xs, count));
  const xs = [...new Set([...spreadXs(longest, count), ...marked])].sort((a, b) => a - b);
  return xs.map((x) => ({ x, cells: curves.map((curve) => exactly(curve.points, x)) }));
}

function spreadXs(xs: readonly number[], count: number): number[] {
  return spread(xs.length, count).map((i) => xs[i] ?? NaN);
}

function exactly({ xs, ys }: Points, x: number): number | null {
  const at = nearest(xs, x);
  return xs[at] === x ? (ys[at] ?? null) : null;
}

/** The value nearest to x (the newest without one), or null. */
export function valueAt({ xs, ys }: Points, x: number | null): number | null {
  return (x === null ? ys.at(-1) : ys[nearest(xs, x)]) ?? null;
}

/** One sentence per curve, except faint ones: its first, last and lowest value. */
export function summarise(curves: readonly Curve[], write: (y: number) => string, writeX: (x: number) => string): string {
  const told = curves.filter((curve) => curve.kind !== 'faint' && curve.points.ys.length > 0);
  if (told.length === 0) return 'No values yet.';
  return told.map((curve) => sentence(curve, write, writeX)).join(' ');
}

function sentence({ label, points: { xs, ys } }: Curve, write: (y: number) => string, writeX: (x: number) => string): string {
  const last = xs.length - 1;
  const lowest = ys.reduce((best, y, i) => (y < (ys[best] ?? NaN) ? i : best), 0);
  const point = (i: number): string => `${write(ys[i] ?? NaN)} at ${writeX(xs[i] ?? NaN)}`;
  if (last === 0) return `${label}: ${point(0)}.`;
  return `${label}: from ${point(0)} to ${point(last)}; lowest ${point(lowest)}.`;
}
