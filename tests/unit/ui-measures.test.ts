import { describe, expect, it } from 'vitest';
import { moved } from '../../src/ui/charts/keys';
import {
  comparedCurves,
  evalPoints,
  lossCurves,
  measuresOf,
  measureText,
  reportCurves,
  stepCurve,
  stepPoints,
} from '../../src/ui/charts/measures';
import { yRange } from '../../src/ui/charts/series';
import { ChartView } from '../../src/ui/charts/view.svelte';
import type { StepRow } from '../../workers/api';

const row = (step: number, loss: number): StepRow => ({
  step,
  loss,
  learningRate: 1e-4,
  gradNorm: 2,
  tokensPerSecond: 50,
  seconds: step * 3,
  epoch: 0,
});
const evals = [0, 3].map((step) => ({ step, loss: 5 - (2 * step) / 3 }));
const history = { steps: [row(1, 4), row(2, NaN), row(3, 2)], evals, samples: [] };

describe('curves of a run', () => {
  it('are placed at steps or at seconds, without values that are not numbers', () => {
    expect(stepPoints(history.steps, 'loss', 'step')).toEqual({ xs: [1, 3], ys: [4, 2] });
    expect(stepPoints(history.steps, 'gradNorm', 'time').xs).toEqual([3, 6, 9]);
    expect(evalPoints(history.evals, history.steps, 'time')).toEqual({ xs: [0, 9], ys: [5, 3] });
  });
  it('omit the norms of skipped steps, and stay finite', () => {
    const skips = [Infinity, NaN, 3].map((gradNorm, i) => ({ ...row(i + 1, 4), gradNorm, lossScale: 2, skipped: i < 2 }));
    expect(stepPoints(skips, 'gradNorm', 'step')).toEqual({ xs: [3], ys: [3] });
    const [curve] = stepCurve({ ...history, steps: skips.slice(0, 2) }, 'gradNorm', 'step');
    expect(curve?.points).toEqual({ xs: [], ys: [] });
    expect(yRange(curve?.points.ys ?? [], { log: true, clip: false })).toEqual([0.1, 10]);
  });
  it('differ in more than colour', () => {
    const styles = lossCurves(history, { xAxis: 'step', smoothing: 0 }, 'sft').map((c) => [c.kind, c.dash]);
    expect(new Set(styles.map((style) => JSON.stringify(style))).size).toBe(3);
  });
  it('have no held-out loss where rewards are measured in its place', () => {
    expect(lossCurves(history, { xAxis: 'step', smoothing: 0 }, 'grpo').map(({ label }) => label)).toEqual([
      'Each step',
      'Training, smoothed',
    ]);
    expect(measuresOf('grpo')).not.toContain('heldOut');
  });
  it('differ in dash and colour when runs are compared', () => {
    const runs = Array.from({ length: 8 }, (_, i) => ({ run: { name: `run ${i}` }, history }));
    const curves = comparedCurves(runs, 'loss', { xAxis: 'step', smoothing: 0.5 });
    expect(new Set(curves.map((c) => c.ink)).size).toBe(8);
    expect(curves[0]?.dash).not.toEqual(curves[1]?.dash);
    expect(curves.map((c) => c.label)).toEqual(runs.map((r) => r.run.name));
    expect(curves[0]?.points.ys).toEqual([4, expect.closeTo((0.25 * 4 + 0.5 * 2) / 0.75)]);
  });
});

describe('what an objective reports', () => {
  const reported = (margin: number) => ({ 'rewards/margins': margin, 'rewards/accuracies': 1 });
  const steps = [{ ...row(1, 0.7), figures: reported(0.5) }, row(2, 0.6)];
  const measured = [{ step: 2, loss: 0.6, metrics: reported(0.25) }];
  it('is a measure of its runs alone', () => {
    const own = ['mean_token_accuracy', 'entropy'];
    expect(measuresOf('sft')).toEqual(['loss', 'heldOut', 'learningRate', 'gradNorm', 'tokensPerSecond', ...own]);
    expect(measuresOf('dpo')).toEqual(expect.arrayContaining(['rewards/margins', 'rewards/accuracies']));
    expect(measuresOf('classify')).toEqual(expect.arrayContaining(['accuracy', 'macroF1']));
  });
  it('is drawn by step and on held-out examples', () => {
    const curves = reportCurves({ steps, evals: measured, samples: [] }, 'rewards/margins', 'step');
    expect(curves.map(({ points }) => points)).toEqual([
      { xs: [1], ys: [0.5] },
      { xs: [2], ys: [0.25] },
    ]);
    expect(reportCurves({ steps: [row(1, 1)], evals: measured, samples: [] }, 'rewards/margins', 'step')).toHaveLength(1);
  });
  it('is compared between runs on held-out examples', () => {
    const runs = [{ run: { name: 'a' }, history: { steps, evals: measured, samples: [] } }];
    const [curve] = comparedCurves(runs, 'rewards/margins', { xAxis: 'step', smoothing: 0 });
    expect([curve?.kind, curve?.points.ys]).toEqual(['marks', [0.25]]);
  });
  it('comes with a loss in its own unit', () => {
    expect(measureText('loss', 'dpo').unit).toBe('mean over the pairs');
    expect(measureText('loss', 'sft').unit).toBe('nats per token');
    expect(measureText('gradNorm', 'dpo')).toEqual(measureText('gradNorm', 'sft'));
    expect(measureText('accuracy', 'classify').title).toBe('Accuracy');
  });
});

describe('keys of a chart', () => {
  const press = (view: ChartView, key: string, shiftKey = false): boolean => moved({ key, shiftKey }, view, [0, 100]);
  it('move along the curve and stop at its ends', () => {
    const view = new ChartView();
    press(view, 'ArrowLeft');
    expect(view.cursor).toBe(98);
    press(view, 'Home');
    press(view, 'ArrowLeft');
    expect(view.cursor).toBe(0);
  });
  it('zoom, pan and show everything', () => {
    const view = new ChartView();
    press(view, '+');
    expect(view.zoom).toEqual([25, 75]);
    press(view, 'ArrowRight', true);
    expect(view.zoom).toEqual([37.5, 87.5]);
    press(view, 'Escape');
    expect(view.zoom).toBeNull();
  });
  it('ignore other keys', () => expect(press(new ChartView(), 'Tab')).toBe(false));
});
