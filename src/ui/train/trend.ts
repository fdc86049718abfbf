/**
 * Whether a measure of the held-out examples still gets better. Pure. The rules are those of early stopping: a measurement counts as
 * better when it improves on the last one that counted by a margin (Keras's `min_delta`), and a measure that has not done so for three
 * measurements (its `patience`) no longer improves. It gets worse when it has clearly left its best value (Prechelt's generalisation
 * loss, in "Early stopping – but when?", 1998), by the median of three, so that one outlier changes nothing.
 *
 * The margin is the larger of a share of the value and of the progress so far, and two standard deviations of the measure's own scatter.
 * Whether a measurement counted is decided from those before it, so later ones don't change it, and a measure that no longer improved
 * needs twice the margin: the words don't flip back and forth.
 */

export interface Point {
  readonly step: number;
  readonly value: number;
}

/** `early`: nothing can be said yet. */
export type Direction = 'early' | 'better' | 'flat' | 'worse';

export interface Trend {
  readonly direction: Direction;
  readonly first: Point;
  readonly last: Point;
  /** The lowest value. */
  readonly best: Point;
  /** The last measurement that counted as better than those before it; else the first one. */
  readonly since: Point;
}

export interface TrendOptions {
  /** Of the run: `flat` needs a tenth of them without improvement, however often is measured. */
  readonly totalSteps: number;
  /** The smallest difference that means something; absent for measures whose unit says nothing about it. */
  readonly least?: number;
}

/** Measurements without improvement after which a measure no longer improves. */
const PATIENCE = 3;
const PATIENT_SHARE = 0.1;
/** Smallest margin: a share of the best value, and of the progress from the first value to it. */
const OF_VALUE = 0.005;
const OF_PROGRESS = 0.01;
/** A rise of so many margins is one: it has to be told from the scatter of the lowest value too. */
const RISE = 3;
/** A share of the lowest value that no scatter reaches twice in a row. */
const FAR = 0.1;
/** The scatter is not known well: it widens the margin to this multiple at most. */
const WIDEST = 8;

/** The trend of a measure of which less is better; null without a measurement. Steps ascend. */
export function trendOf(points: readonly Point[], { totalSteps, least = 0 }: TrendOptions): Trend | null {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  const marginAt = (count: number): number => marginOf(points.slice(0, count), first, least);
  const needed = (at: number, i: number): number => (i - at > PATIENCE ? 2 : 1) * marginAt(i + 1);
  const counted = points.reduce((at, { value }, i) => ((points[at]?.value ?? NaN) - value > needed(at, i) ? i : at), 0);
  const since = points[counted] ?? first;
  const best = lowest(points);
  const later = points.length - 1 - counted;
  const patient = later >= PATIENCE && last.step - since.step >= PATIENT_SHARE * totalSteps;
  const still = counted === 0 ? 'early' : 'better';
  const direction = hasRisen(points, marginAt(points.length)) ? 'worse' : patient ? 'flat' : still;
  return { direction, first, last, best, since };
}

/** The median of the last three measurements is clearly above the lowest such median: one outlier, or the luckiest value, moves none. */
function hasRisen(points: readonly Point[], margin: number): boolean {
  const values = points.map(({ value }) => value);
  const lowestValue = Math.min(...values);
  if (hasJumped(points, lowestValue)) return true;
  const medians = values.slice(2).map((_, i) => medianOf(values.slice(i, i + 3)));
  const [level, last] = [medians.at(-1), values.at(-1)];
  if (level === undefined || last === undefined || last - lowestValue <= margin) return false;
  return level - Math.min(...medians) > RISE * margin;
}

/** Three measurements have one median only: two of them that are far above the first, beyond any scatter, are enough. */
function hasJumped(points: readonly Point[], lowestValue: number): boolean {
  const [before, last] = points.slice(-2);
  if (before === undefined || last === undefined || points.length !== 3) return false;
  return Math.min(before.value, last.value) - lowestValue > FAR * Math.abs(lowestValue);
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function marginOf(points: readonly Point[], first: Point, least: number): number {
  const best = lowest(points).value;
  const smallest = Math.max(least, OF_VALUE * Math.abs(best), OF_PROGRESS * (first.value - best));
  return Math.min(WIDEST * smallest, Math.max(smallest, 2 * scatterOf(points.map(({ value }) => value))));
}

/**
 * Standard deviation of the values round their trend, from the last nine. Second differences remove the trend; those of independent
 * values have √6 times their deviation, and the median of the sizes is 0.67 of that. One outlier is in three of the seven, which the
 * median bears. 0 when there are too few.
 */
function scatterOf(values: readonly number[]): number {
  const recent = values.slice(-9);
  const seconds = recent.slice(2).map((value, i) => Math.abs(value - 2 * (recent[i + 1] ?? NaN) + (recent[i] ?? NaN)));
  if (seconds.length < 3) return 0;
  // While there are few, the steep start would widen the scatter: the newest three may be the better estimate.
  return Math.min(medianOf(seconds), seconds.length < 7 ? medianOf(seconds.slice(-3)) : Infinity) / 1.65;
}

function lowest(points: readonly Point[]): Point {
  return points.reduce((best, point) => (point.value < best.value ? point : best));
}

/** Means of the training loss at two steps. */
export interface Fall {
  readonly from: number;
  readonly to: number;
}

/**
 * The training loss at the steps `from` and `to`, as means of the steps before; null unless it is clearly lower at the later one: the means
 * differ by more than their error.
 */
export function fallOf(losses: readonly Point[], from: number, to: number): Fall | null {
  const width = Math.max(5, Math.ceil(losses.length / 20));
  const before = (step: number): readonly number[] => {
    const at = losses.findLastIndex((point) => point.step <= step) + 1;
    return losses.slice(Math.max(0, at - width), Math.max(width, at)).map(({ value }) => value);
  };
  const [then, now] = [meanOf(before(from)), meanOf(before(to))];
  return then.mean - now.mean > Math.hypot(then.error, now.error) ? { from: then.mean, to: now.mean } : null;
}

/** The mean and its standard error. */
function meanOf(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return { mean, error: Math.sqrt(spread / values.length) };
}
