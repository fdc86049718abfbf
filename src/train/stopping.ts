/**
 * Early stopping: whether a run ends before its last step. A function of its recipe and its recorded measurements alone, so that a run
 * that was interrupted ends at the same step as one that was not.
 *
 * The rule is that of Keras's EarlyStopping: a measurement counts when it is better than the last one that counted by more than
 * `minDelta`, and the run ends after `patience` measurements in a row that do not count. Three limits leave a healthy run room: short runs
 * are never ended, no run is ended before its warm-up and a share of its steps are done, and the wait lasts a share of its steps, however
 * often is measured.
 */

import type { EarlyStop, EvalRow } from '../checkpoint/types';
import { monitored, scoreOf } from '../metric/monitor';
import { warmupSteps } from '../optim/schedule';
import { mayEndEarly } from '../recipe/monitors';
import type { Recipe } from '../recipe/recipe';

export type StopRule = Pick<Recipe, 'monitor' | 'patience' | 'minDelta' | 'warmupRatio'>;

/** Share of the steps that are trained after the warm-up in any case. */
const EARLIEST = 0.2;
/** Share of the steps that the wait lasts at least. */
const WAIT = 0.1;

interface Point {
  readonly step: number;
  readonly value: number;
  /** Less is better; not finite where the measurement is none that counts. */
  readonly score: number;
}

/** The measurements that have the measure, in the order of their steps; the last one of each step. */
function pointsOf(evals: readonly EvalRow[], { monitor }: Pick<StopRule, 'monitor'>): readonly Point[] {
  const points = evals.flatMap((row): readonly Point[] => {
    const [value, score] = [monitored(row, monitor), scoreOf(row, monitor)];
    return value === null || score === null ? [] : [{ step: row.step, value, score }];
  });
  return points.filter(({ step }, i) => points[i + 1]?.step !== step);
}

/** The better of two measurements, the first one of equals. */
const better = (best: Point, point: Point): Point => (point.score < best.score || Number.isNaN(best.score) ? point : best);

/** Whether the measurement at `step` is the best one of all that were made after training. */
export function isBestAt(step: number, evals: readonly EvalRow[], rule: Pick<StopRule, 'monitor'>): boolean {
  const points = pointsOf(evals, rule).filter((point) => point.step > 0);
  return points.length > 0 && points.reduce(better).step === step;
}

/** How the measurements of a run go. */
export interface Course extends Pick<EarlyStop, 'step' | 'value' | 'best' | 'waited'> {
  /** Steps since the last measurement that counted as an improvement. */
  readonly since: number;
}

/** Null without a measurement. */
export function courseOf(
  { monitor, minDelta }: Pick<StopRule, 'monitor' | 'minDelta'>,
  evals: readonly EvalRow[],
): Course | null {
  const points = pointsOf(evals, { monitor });
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  const counted = points.reduce((at, { score }, i) => (counts(points[at]?.score ?? NaN, score, minDelta) ? i : at), 0);
  const best = points.reduce(better);
  return {
    ...{ step: last.step, value: last.value, best: { step: best.step, value: best.value } },
    ...{ waited: points.length - 1 - counted, since: last.step - (points[counted]?.step ?? 0) },
  };
}

/** Why a run of `totalSteps` ends after its newest measurement; null when it goes on. */
export function earlyStop(rule: StopRule, evals: readonly EvalRow[], totalSteps: number): EarlyStop | null {
  const course = mayEndEarly(rule, totalSteps) ? courseOf(rule, evals) : null;
  if (course === null || course.waited < rule.patience) return null;
  const { since, ...facts } = course;
  const earliest = warmupSteps(rule, totalSteps) + EARLIEST * totalSteps;
  if (since < WAIT * totalSteps || facts.step < earliest || facts.step >= totalSteps) return null;
  return { ...facts, monitor: rule.monitor };
}

/** A measurement that is not finite never counts, and anything counts after one. */
function counts(before: number, score: number, minDelta: number): boolean {
  return Number.isNaN(before) ? !Number.isNaN(score) : before - score > minDelta;
}
