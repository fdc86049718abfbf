/** Turns the rows of a run into the curves of each measure. Pure. */

import type { EvalRow, RunHistory, StepRow } from '../../../workers/api';
import { inks, runLook, type Curve } from './curve';
import * as figures from './figures';
import { finitePoints, nearest, smooth, type Points } from './series';
import type { XAxis } from './view.svelte';

/** Measures of preference objectives, by their names in the figures of a step. */
const REWARDS = { margin: 'rewards/margins', accuracy: 'rewards/accuracies' } as const;
type RewardMeasure = keyof typeof REWARDS;

/** A measure taken at every step. */
export type StepMeasure = 'loss' | 'learningRate' | 'gradNorm' | 'tokensPerSecond' | RewardMeasure;
export type Measure = StepMeasure | 'heldOut';

export interface MeasureText {
  readonly title: string;
  readonly unit: string;
  readonly write: (value: number | null) => string;
  /** Never drawn on a log axis, because zero must be visible. */
  readonly linear: boolean;
}

export const measures: Readonly<Record<Measure, MeasureText>> = {
  loss: { title: 'Loss', unit: 'nats per token', write: figures.loss, linear: false },
  heldOut: { title: 'Held-out loss', unit: 'nats per token', write: figures.loss, linear: false },
  margin: { title: 'Reward margin', unit: 'nats', write: figures.loss, linear: true },
  accuracy: { title: 'Reward accuracy', unit: 'of the pairs', write: figures.share, linear: true },
  learningRate: { title: 'Learning rate', unit: '', write: figures.learningRate, linear: true },
  gradNorm: { title: 'Gradient norm', unit: 'before clipping', write: figures.loss, linear: false },
  tokensPerSecond: { title: 'Speed', unit: 'tokens/s', write: figures.rate, linear: true },
};

/** The text of a measure in a run: the loss of a preference objective is no mean over tokens. */
export function measureText(measure: Measure, preference: boolean): MeasureText {
  const text = measures[measure];
  return preference && (measure === 'loss' || measure === 'heldOut') ? { ...text, unit: 'mean over the pairs' } : text;
}

/** The measures that a run of this history has. */
export function measuresOf({ steps }: Pick<RunHistory, 'steps'>): readonly Measure[] {
  const rewards = steps.some(({ figures }) => figures !== undefined);
  return (Object.keys(measures) as Measure[]).filter((measure) => rewards || !isReward(measure));
}

function isReward(measure: Measure): measure is RewardMeasure {
  return Object.hasOwn(REWARDS, measure);
}

function valueOf(row: StepRow, measure: StepMeasure): number {
  return isReward(measure) ? (row.figures?.[REWARDS[measure]] ?? NaN) : row[measure];
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
    steps.map((row) => valueOf(row, measure)),
  );
}

export function evalPoints(evals: readonly EvalRow[], steps: readonly StepRow[], xAxis: XAxis): Points {
  const at = steps.map((row) => row.step);
  const xs = evals.map((row) =>
    xAxis === 'step' ? row.step : row.step === 0 ? 0 : (steps[nearest(at, row.step)]?.seconds ?? 0),
  );
  return finitePoints(
    xs,
    evals.map((row) => row.loss),
  );
}

/** Raw, smoothed and held-out loss of one run. */
export function lossCurves({ steps, evals }: RunHistory, { xAxis, smoothing }: Reading): Curve[] {
  const raw = stepPoints(steps, 'loss', xAxis);
  return [
    { label: 'Each step', kind: 'faint', ink: inks.training, points: raw },
    { label: 'Training, smoothed', kind: 'line', ink: inks.training, points: smooth(raw, smoothing) },
    { label: 'Held-out', kind: 'marks', ink: inks.heldOut, dash: [6, 4], points: evalPoints(evals, steps, xAxis) },
  ];
}

/** One measure of one run. */
export function stepCurve({ steps }: RunHistory, measure: StepMeasure, xAxis: XAxis): Curve[] {
  return [{ label: measures[measure].title, kind: 'line', ink: inks.training, points: stepPoints(steps, measure, xAxis) }];
}

/** One measure of several runs; only the training loss is smoothed. */
export function comparedCurves(
  runs: readonly { readonly run: { readonly name: string }; readonly history: RunHistory }[],
  measure: Measure,
  { xAxis, smoothing }: Reading,
): Curve[] {
  return runs.map(({ run, history }, index) => ({
    label: run.name,
    kind: measure === 'heldOut' ? 'marks' : 'line',
    ...runLook(index),
    points: comparedPoints(history, measure, xAxis, smoothing),
  }));
}

function comparedPoints({ steps, evals }: RunHistory, measure: Measure, xAxis: XAxis, smoothing: number): Points {
  if (measure === 'heldOut') return evalPoints(evals, steps, xAxis);
  const points = stepPoints(steps, measure, xAxis);
  return measure === 'loss' ? smooth(points, smoothing) : points;
}
