/** The figures of a run under way, and what the Train stage says and offers. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import { training } from '../../src/state/training.svelte';
import { app } from '../../src/state/app.svelte';
import EngineFigures from '../../src/ui/train/EngineFigures.svelte';
import LiveFigures from '../../src/ui/train/LiveFigures.svelte';
import TrainStage from '../../src/ui/train/TrainStage.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import { parseRecipe } from '../../src/recipe/recipe';
import type { EvalRow, RunView, StepRow } from '../../workers/api';

const row = (step: number, scaling: Partial<StepRow> = {}): StepRow => ({
  ...{ step, loss: 2, learningRate: 1e-4, gradNorm: 0.5, tokensPerSecond: 100, seconds: step, epoch: 0 },
  ...scaling,
});
const show = (steps: readonly StepRow[]) => (training.history = { steps, evals: [], samples: [] });
const figure = (name: string) => page.getByText(name, { exact: true }).element().parentElement?.textContent ?? '';

describe('the figures', () => {
  let mounted: Record<string, unknown>[];
  beforeEach(() => {
    mounted = [LiveFigures, EngineFigures].map((figures) => mount(figures, { target: document.body }));
  });
  afterEach(async () => {
    show([]);
    for (const figures of mounted) await unmount(figures);
  });

  it('omit the loss scale where there is none', async () => {
    show([row(1)]);
    await expect.poll(() => figure('Gradient norm')).toMatch(/0\.500\s*before clipping/);
    expect(document.body.textContent).not.toContain('Loss scale');
  });

  it('of preferences show rewards: those of the last step, then those of the held-out pairs', async () => {
    training.run = { recipe: parseRecipe({ objective: { kind: 'dpo' } }), totalSteps: 9, baseLoss: null } as RunView;
    const rewards = (margin: number, accuracy: number) => ({ 'rewards/margins': margin, 'rewards/accuracies': accuracy });
    const steps = [row(1, { figures: rewards(0.25, 0.5) })];
    training.history = { steps, evals: [], samples: [] };
    await expect.poll(() => figure('Reward margin')).toMatch(/0\.250\s*of the last step/);
    training.history = { steps, evals: [{ step: 1, loss: 0.6, metrics: rewards(0.125, 0.75) }], samples: [] };
    await expect.poll(() => figure('Reward margin')).toMatch(/0\.125\s*on held-out examples/);
    expect(figure('Reward accuracy')).toMatch(/75 %\s*on held-out examples/);
    expect(figure('Error on unseen')).toMatch(/held-out loss, mean over the pairs/);
    training.run = null;
  });

  it('show the loss scale, and count skipped steps', async () => {
    show([row(1, { lossScale: 65536, skipped: false })]);
    await expect.poll(() => figure('Loss scale')).toMatch(/65,536\s*keeps gradients/);
    show([row(1, { lossScale: 65536, skipped: false }), row(2, { gradNorm: Infinity, lossScale: 65536, skipped: true })]);
    await expect.poll(() => figure('Loss scale')).toMatch(/65,536\s*1 step skipped/);
    expect(figure('Gradient norm')).toMatch(/–\s*step skipped/);
    const skips = [2, 3].map((step) => row(step, { gradNorm: NaN, lossScale: 2 ** (18 - step), skipped: true }));
    show([row(1), ...skips, row(4, { lossScale: 16384, skipped: false })]);
    await expect.poll(() => figure('Loss scale')).toMatch(/16,384\s*2 steps skipped/);
    expect(figure('Gradient norm')).toMatch(/0\.500\s*before clipping/);
  });
});

describe('the stage', () => {
  const recipe = parseRecipe({ heldOutRatio: 0.1 });
  const run = (change: Partial<RunView> = {}) =>
    ({
      ...{ id: 'one', name: 'a run', status: 'running', totalSteps: 60, step: 0, recipe, checkpoints: [] },
      ...change,
    }) as RunView;
  const evals = (...losses: readonly number[]): EvalRow[] => losses.map((loss, i) => ({ step: 10 * i, loss }));
  let stage: Record<string, unknown>;
  beforeEach(() => {
    [training.run, training.activity, training.stoppable] = [run(), 'training', true];
    training.history = { steps: [row(1)], evals: [], samples: [] };
    stage = mount(TrainStage, { target: document.body });
  });
  afterEach(async () => {
    await unmount(stage);
    [training.run, training.activity, training.stoppable] = [null, 'idle', false];
    show([]);
  });
  const said = (losses: readonly number[]) => (training.history = { steps: [row(1)], evals: evals(...losses), samples: [] });

  it('begins with how the run goes, and announces it when that changes', async () => {
    const announced = vi.spyOn(app, 'announce');
    await expect.element(page.getByText(/Waiting for the first measurement/)).toBeVisible();
    said([4.79, 4.1]);
    await expect.element(page.getByText('Getting better:')).toBeVisible();
    for (const losses of [
      [4.79, 4.1, 3.9],
      [4.79, 4.1, 3.9, 3.7],
    ])
      said(losses);
    await expect.element(page.getByText(/4\.79 → 3\.70, still falling/)).toBeVisible();
    expect(announced).not.toHaveBeenCalledWith(expect.stringContaining('3.70'));
    said([4.79, 4.1, 3.9, 3.7, 3.7, 3.7, 3.7]);
    await expect.poll(() => announced.mock.calls.at(-1)?.[0]).toMatch(/^No longer improving since step 30/);
    [training.run, training.activity] = [run({ status: 'finished' }), 'idle'];
    await expect
      .poll(() => announced.mock.calls.at(-1)?.[0])
      .toMatch(/^Finished\. Result: error on unseen examples 4\.79 → 3\.70/);
    expect(announced).toHaveBeenCalledTimes(3);
    announced.mockRestore();
  });

  it('offers not to save while it trains, without moving anything', async () => {
    await page.viewport(360, 780);
    const top = () => page.getByText('Error on unseen').element().getBoundingClientRect().top;
    await expect.element(page.getByRole('button', { name: 'Stop without saving' })).toBeEnabled();
    const before = top();
    training.activity = 'preparing';
    await expect.element(page.getByRole('button', { name: /Stop without/ })).not.toBeInTheDocument();
    expect(top()).toBe(before);
    training.activity = 'idle';
    expect(top()).toBe(before);
    await page.viewport(1280, 900);
  });

  it('keeps the engine folded, and remembers when it was opened', async () => {
    const norm = page.getByText('Gradient norm', { exact: true });
    await expect.element(norm).not.toBeInTheDocument();
    await page.getByText('Engine', { exact: true }).click();
    await expect.element(norm.first()).toBeVisible();
    await unmount(stage);
    stage = mount(TrainStage, { target: document.body });
    await expect.element(norm.first()).toBeVisible();
  });

  it('has figures left and curves right on a wide screen', async () => {
    const left = (text: string) => page.getByText(text, { exact: true }).first().element().getBoundingClientRect().left;
    await page.viewport(1920, 1000);
    expect(left('Each step')).toBeGreaterThan(left('Error in training') + 400);
    await page.viewport(1280, 900);
    expect(left('Each step')).toBeLessThan(left('Error in training'));
  });
});
