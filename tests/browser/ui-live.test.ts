/** The figures of a run under way, with and without a loss scale. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { training } from '../../src/state/training.svelte';
import LiveFigures from '../../src/ui/train/LiveFigures.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import { parseRecipe } from '../../src/recipe/recipe';
import type { RunView, StepRow } from '../../workers/api';

let figures: Record<string, unknown>;

beforeEach(() => {
  figures = mount(LiveFigures, { target: document.body });
});
afterEach(async () => {
  show([]);
  await unmount(figures);
});

const row = (step: number, scaling: Partial<StepRow> = {}): StepRow => ({
  ...{ step, loss: 2, learningRate: 1e-4, gradNorm: 0.5, tokensPerSecond: 100, seconds: step, epoch: 0 },
  ...scaling,
});
const show = (steps: readonly StepRow[]) => (training.history = { steps, evals: [], samples: [] });
const figure = (name: string) => page.getByText(name, { exact: true }).element().parentElement?.textContent ?? '';

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
  expect(figure('Loss')).toMatch(/mean over the pairs/);
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
