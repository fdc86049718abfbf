/** Turns the rows of a run into the curves of each measure. Pure. */

import type { EvalRow, RunHistory, StepRow } from '../../../workers/api';
import { learnsFromRewards, type ObjectiveKind } from '../../recipe/objectives';
import { inks, runLook, type Curve } from './curve';
import * as figures from './figures';
import { curvesOf, lossUnit, type ReportKey } from './reports';
import { finitePoints, nearest, smooth, type Points } from './series';
import type { XAxis } from './view.svelte';

/** A measure taken at every step. */
export type StepMeasure = 'loss' | 'learningRate' | 'gradNorm' | 'tokensPerSecond';
type OwnMeasure = StepMeasure | 'heldOut';
export type Measure = OwnMeasure | ReportKey;

export interface MeasureText {
  readonly title: string;
  readonly unit: string;
  readonly write: (value: number | null) => string;
  /** Never drawn on a log axis, because zero must be visible. */
  readonly linear: boolean;
}

export const measures: Readonly<Record<OwnMeasure, MeasureText>> = {
  loss: { title: 'Loss', unit: 'nats per token', write: figures.loss, linear: false },
  heldOut: { title: 'Held-out loss', unit: 'nats per token', write: figures.loss, linear: false },
  learningRate: { title: 'Learning rate', unit: '', write: figures.learningRate, linear: true },
  gradNorm: { title: 'Gradient norm', unit: 'before clipping', write: figures.loss, linear: false },
  tokensPerSecond: { title: 'Speed', unit: 'tokens/s', write: figures.rate, linear: true },
};

function isOwn(measure: Measure): measure is OwnMeasure {
  return Object.hasOwn(measures, measure);
}

/** The text of a measure in runs with an objective. */
export function measureText(measure: Measure, kind: ObjectiveKind): MeasureText {
  if (isOwn(measure)) {
    const text = measures[measure];
    return measure === 'loss' || measure === 'heldOut' ? { ...text, unit: lossUnit(kind) } : text;
  }
  const report = curvesOf(kind).find(({ key }) => key === measure);
  return { title: report?.name ?? measure, unit: report?.unit ?? '', write: report?.write ?? figures.loss, linear: true };
}

/** The measures that runs with an objective have. */
export function measuresOf(kind: ObjectiveKind): readonly Measure[] {
  const own = (Object.keys(measures) as OwnMeasure[]).filter((one) => one !== 'heldOut' || !learnsFromRewards(kind));
  return [...own, ...curvesOf(kind).map(({ key }) => key)];
}

/** The x axis and smoothing that points are computed with. */
export interface Reading {
  readonly xAxis: XAxis;
  readonly smoothing: number;
}

export function stepPoints(steps: readonly StepRow[], measure: StepMeasure, xAxis: XAxis): Points {
  const xs = steps.map((row) => (xAxis === 'step' ? row.step : row.seconds));
  return finitePoints(
    xs,
    steps.map((row) => row[measure]),
  );
}

/** Held-out losses, or one of the metrics. */
export function evalPoints(
  evals: readonly EvalRow[],
  steps: readonly StepRow[],
  xAxis: XAxis,
  key: ReportKey | null = null,
): Points {
  const at = steps.map((row) => row.step);
  const xs = evals.map((row) =>
    xAxis === 'step' ? row.step : row.step === 0 ? 0 : (steps[nearest(at, row.step)]?.seconds ?? 0),
  );
  return finitePoints(
    xs,
    evals.map((row) => (key === null ? row.loss : (row.metrics?.[key] ?? NaN))),
  );
}

/** Raw, smoothed and held-out loss of one run; without the last where rewards are measured in its place. */
export function lossCurves({ steps, evals }: RunHistory, { xAxis, smoothing }: Reading, kind: ObjectiveKind): Curve[] {
  const raw = stepPoints(steps, 'loss', xAxis);
  const training: Curve[] = [
    { label: 'Each step', kind: 'faint', ink: inks.training, points: raw },
    { label: 'Training, smoothed', kind: 'line', ink: inks.training, points: smooth(raw, smoothing) },
  ];
  if (learnsFromRewards(kind)) return training;
  const points = evalPoints(evals, steps, xAxis);
  return [...training, { label: 'Held-out', kind: 'marks', ink: inks.heldOut, dash: [6, 4], points }];
}

/** One measure of one run. */
export function stepCurve({ steps }: RunHistory, measure: StepMeasure, xAxis: XAxis): Curve[] {
  return [{ label: measures[measure].title, kind: 'line', ink: inks.training, points: stepPoints(steps, measure, xAxis) }];
}

/** What an objective reports: at each step where it does so, and on the held-out examples. */
export function reportCurves({ steps, evals }: RunHistory, key: ReportKey, xAxis: XAxis): Curve[] {
  const xs = steps.map((row) => (xAxis === 'step' ? row.step : row.seconds));
  const points = finitePoints(
    xs,
    steps.map(({ figures }) => figures?.[key] ?? NaN),
  );
  const heldOut: Curve = {
    ...{ label: 'Held-out', kind: 'marks', ink: inks.heldOut, dash: [6, 4] },
    points: evalPoints(evals, steps, xAxis, key),
  };
  return points.xs.length === 0 ? [heldOut] : [{ label: 'Each step', kind: 'line', ink: inks.training, points }, heldOut];
}

/** One measure of several runs; only the training loss is smoothed. */
export function comparedCurves(
  runs: readonly { readonly run: { readonly name: string }; readonly history: RunHistory }[],
  measure: Measure,
  { xAxis, smoothing }: Reading,
): Curve[] {
  return runs.map(({ run, history }, index) => ({
    label: run.name,
    kind: isStepMeasure(measure) ? 'line' : 'marks',
    ...runLook(index),
    points: comparedPoints(history, measure, xAxis, smoothing),
  }));
}

function isStepMeasure(measure: Measure): measure is StepMeasure {
  return isOwn(measure) && measure !== 'heldOut';
}

function comparedPoints({ steps, evals }: RunHistory, measure: Measure, xAxis: XAxis, smoothing: number): Points {
  if (!isStepMeasure(measure)) return evalPoints(evals, steps, xAxis, isOwn(measure) ? null : measure);
  const points = stepPoints(steps, measure, xAxis);
  return measure === 'loss' ? smooth(points, smoothing) : points;
}
