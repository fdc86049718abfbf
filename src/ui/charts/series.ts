/** Arithmetic of the charts: smoothing, ranges, thinning, joining. Pure, and independent of the page. */

/** Points of one curve, x ascending, all finite. */
export interface Points {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
}

export type Range = readonly [min: number, max: number];

export const noPoints: Points = { xs: [], ys: [] };

/** Keeps the points whose x and y are finite. */
export function finitePoints(xs: readonly number[], ys: readonly number[]): Points {
  const kept = { xs: [] as number[], ys: [] as number[] };
  xs.forEach((x, i) => {
    const y = ys[i];
    if (y === undefined || !Number.isFinite(x) || !Number.isFinite(y)) return;
    kept.xs.push(x);
    kept.ys.push(y);
  });
  return kept;
}

/**
 * Exponential moving average with its start corrected: the mean of n values is divided by 1 − wⁿ, so that the first
 * values are not pulled to zero (Adam's bias correction, arXiv 1412.6980 §3). `weight` is in [0, 1).
 */
export function smooth(points: Points, weight: number): Points {
  let mean = 0;
  let rest = 1;
  const ys = points.ys.map((y) => {
    mean = weight * mean + (1 - weight) * y;
    rest *= weight;
    return mean / (1 - rest);
  });
  return { xs: points.xs, ys };
}

/** The value below which share `q` of the sorted values lies, interpolated. */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Scale of a y axis. */
export interface AxisStyle {
  readonly log: boolean;
  /** Leaves the outermost 2 % at either end outside the visible range. */
  readonly clip: boolean;
}

/** The y range that shows `values` (or most of them) and all of `always`, with a margin; a fixed one when there are none. */
export function yRange(values: readonly number[], style: AxisStyle, always: readonly number[] = []): Range {
  const fits = (y: number): boolean => !style.log || y > 0;
  const [usable, kept] = [values.filter(fits), always.filter(fits)];
  if (usable.length + kept.length === 0) return style.log ? [0.1, 10] : [0, 1];
  const sorted = [...usable].sort((a, b) => a - b);
  const clip = style.clip && sorted.length >= 10;
  const ends = sorted.length === 0 ? [] : [quantile(sorted, clip ? 0.02 : 0), quantile(sorted, clip ? 0.98 : 1)];
  const low = Math.min(...ends, ...kept);
  const high = Math.max(...ends, ...kept);
  return style.log ? padLog(low, high) : padLinear(low, high);
}

function padLinear(low: number, high: number): Range {
  const margin = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  const bottom = low - margin;
  return [low >= 0 ? Math.max(0, bottom) : bottom, high + margin];
}

function padLog(low: number, high: number): Range {
  const factor = Math.max(1.05, (high / low) ** 0.08);
  return [low / factor, high * factor];
}

/** The values of `points` whose x lies in `range` (all of them without one). */
export function within(points: Points, range: Range | null): number[] {
  if (!range) return [...points.ys];
  return points.ys.filter((_, i) => {
    const x = points.xs[i] ?? NaN;
    return x >= range[0] && x <= range[1];
  });
}

/** The points in `range` and one on either side, so that the line extends to the edge. */
export function cut(points: Points, range: Range | null): Points {
  if (!range) return points;
  const from = Math.max(0, firstFrom(points.xs, range[0]) - 1);
  const to = firstFrom(points.xs, range[1]) + 2;
  return { xs: points.xs.slice(from, to), ys: points.ys.slice(from, to) };
}

/** Index of the first x that is not below `x`. */
function firstFrom(xs: readonly number[], x: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((xs[middle] ?? NaN) < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** First and last x over all curves, widened when they are one point; null when there is none. */
export function xExtent(curves: readonly Points[]): Range | null {
  const firsts = curves.flatMap((c) => c.xs.slice(0, 1));
  const lasts = curves.flatMap((c) => c.xs.slice(-1));
  if (firsts.length === 0) return null;
  const low = Math.min(...firsts);
  const high = Math.max(...lasts);
  return high > low ? [low, high] : [low, low + 1];
}

/** Zooms by `factor` (below 1: closer) round `centre`, staying inside `full`; null when all of it is shown. */
export function zoomed(shown: Range, full: Range, factor: number, centre = (shown[0] + shown[1]) / 2): Range | null {
  const low = Math.max(full[0], centre - (centre - shown[0]) * factor);
  const high = Math.min(full[1], centre + (shown[1] - centre) * factor);
  return low <= full[0] && high >= full[1] ? null : [low, high];
}

/** Moves by `share` of the width shown, staying inside `full`. */
export function panned(shown: Range, full: Range, share: number): Range {
  const width = shown[1] - shown[0];
  const low = Math.min(Math.max(shown[0] + width * share, full[0]), Math.max(full[0], full[1] - width));
  return [low, low + width];
}

/**
 * Keeps about `limit` points: the lowest and highest of each interval, so that no spike disappears, and the first and last of all.
 */
export function thin(points: Points, limit: number): Points {
  const n = points.ys.length;
  if (n <= limit) return points;
  const interval = Math.ceil((2 * n) / limit);
  const kept = new Set([0, n - 1]);
  for (let start = 0; start < n; start += interval)
    for (const i of extremes(points.ys, start, Math.min(n, start + interval))) kept.add(i);
  const order = [...kept].sort((a, b) => a - b);
  return { xs: order.map((i) => points.xs[i] ?? NaN), ys: order.map((i) => points.ys[i] ?? NaN) };
}

function extremes(ys: readonly number[], start: number, end: number): [number, number] {
  let low = start;
  let high = start;
  for (let i = start; i < end; i++) {
    if ((ys[i] ?? NaN) < (ys[low] ?? NaN)) low = i;
    if ((ys[i] ?? NaN) > (ys[high] ?? NaN)) high = i;
  }
  return [low, high];
}

/** Joins curves on one ascending x column, with null where a curve has no point, as uPlot needs it. */
export function align(curves: readonly Points[]): [number[], ...(number | null)[][]] {
  const xs = [...new Set(curves.flatMap((c) => [...c.xs]))].sort((a, b) => a - b);
  const row = new Map(xs.map((x, i) => [x, i]));
  const columns = curves.map((curve) => {
    const column = new Array<number | null>(xs.length).fill(null);
    curve.xs.forEach((x, i) => (column[row.get(x) ?? -1] = curve.ys[i] ?? null));
    return column;
  });
  return [xs, ...columns];
}

/** At most `count` indices of 0 … length−1, evenly spaced, with the first and the last. */
export function spread(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1)));
}

/** Index of the point nearest to `x`, −1 without points. `xs` ascends. */
export function nearest(xs: readonly number[], x: number): number {
  const low = Math.min(firstFrom(xs, x), xs.length - 1);
  const before = xs[low - 1];
  return before !== undefined && x - before < (xs[low] ?? NaN) - x ? low - 1 : low < xs.length ? low : -1;
}

/** Round values for an axis: steps of 1, 2 or 5 times a power of ten; whole decades on a log axis that spans some. */
export function ticks(min: number, max: number, count: number, log = false): number[] {
  return log && max / min > 20 ? decades(min, max, count) : roundSteps(min, max, count);
}

function roundSteps(min: number, max: number, count: number): number[] {
  const rough = (max - min) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((m) => m * power >= rough * 0.999) ?? 10) * power;
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  if (!Number.isFinite(last - first)) return [];
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

const secondsSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];

/** Round times for an axis of seconds: whole seconds, minutes, hours. */
export function timeTicks(min: number, max: number, count: number): number[] {
  const rough = (max - min) / Math.max(1, count);
  if (rough <= 1) return ticks(min, max, count);
  const step = secondsSteps.find((one) => one >= rough) ?? Math.ceil(rough / 86400) * 86400;
  const first = Math.ceil(min / step);
  return Array.from({ length: Math.max(0, Math.floor(max / step) - first + 1) }, (_, i) => (first + i) * step);
}

function decades(min: number, max: number, count: number): number[] {
  const low = Math.ceil(Math.log10(min) - 1e-9);
  const high = Math.floor(Math.log10(max) + 1e-9);
  const every = Math.max(1, Math.ceil((high - low + 1) / Math.max(1, count)));
  return Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) =>
    Number((10 ** (low + i * every)).toPrecision(12)),
  );
}
