/** The confusion matrix of the Train stage: its counts, the choice of the measurement, and its looks. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import ConfusionPanel from '../../src/ui/train/ConfusionPanel.svelte';
import type { EvalRow, RunView } from '../../workers/api';
import { violationsIn } from './accessibility';

const LABELS = ['account', 'billing', 'a category with a very long name that has to be wrapped', 'praise'];
const EVALS: readonly EvalRow[] = [
  { step: 10, loss: 0.5, confusion: [5, 1, 0, 0, 0, 6, 0, 0, 2, 0, 4, 0, 0, 0, 0, 12] },
  { step: 20, loss: 0.9, confusion: [3, 3, 0, 0, 0, 6, 0, 0, 0, 0, 0, 6, 0, 0, 0, 12] },
];
let panel: Record<string, unknown> | null = null;

function show(evals: readonly EvalRow[], labels: readonly string[] = LABELS, heldOutRatio = 0.1): void {
  const run = { labels, recipe: { heldOutRatio } } as unknown as RunView;
  panel = mount(ConfusionPanel, { target: document.body, props: { run, evals } });
}

beforeEach(() => {
  document.documentElement.lang = 'en';
  document.title = 'Finetab';
});
afterEach(() => {
  if (panel !== null) void unmount(panel);
  panel = null;
});

const cells = (category: string): string[] => {
  const row = [...document.querySelectorAll('tbody tr')].find((one) => one.querySelector('th')?.textContent === category);
  return [...(row?.querySelectorAll('td') ?? [])].map((cell) => cell.textContent.trim());
};

it('has the counts of the newest measurement, and of the best one when it is chosen', async () => {
  show(EVALS);
  await expect.element(page.getByText(/Newest: step 20\. 21 of 30 held-out examples are right/)).toBeVisible();
  expect(cells('account')).toEqual(['3', '3', '0', '0', '50 %']);
  await page.getByRole('combobox', { name: 'Measurement' }).selectOptions('Best: step 10');
  await expect.element(page.getByText(/Best: step 10\. 27 of 30 held-out examples are right/)).toBeVisible();
  expect(cells('account')).toEqual(['5', '1', '0', '0', '83 %']);
  await expect.element(page.getByRole('rowheader', { name: 'billing' })).toBeVisible();
  await expect.element(page.getByRole('columnheader', { name: 'billing' })).toBeVisible();
});

it('keeps the place of the counts before the first measurement', async () => {
  show([]);
  await expect.element(page.getByText('It is filled in after the first measurement.')).toBeVisible();
  expect(cells('praise')).toEqual(['–', '–', '–', '–', '–']);
});

it('says why there is none', async () => {
  show([{ step: 1, loss: 1 }]);
  await expect.element(page.getByText(/of an earlier version and have no confusion matrix/)).toBeVisible();
  if (panel !== null) void unmount(panel);
  show([], LABELS, 0);
  await expect.element(page.getByText(/no examples are held out/)).toBeVisible();
  if (panel !== null) void unmount(panel);
  show(
    [],
    Array.from({ length: 51 }, (_, i) => `class ${i}`),
  );
  await expect.element(page.getByText(/for up to 50 categories; this run has 51\./)).toBeVisible();
});

it.each([
  ['light', 360],
  ['dark', 360],
  ['light', 1280],
  ['dark', 1280],
] as const)('has no violation that axe finds, %s, %i pixels wide, and scrolls inside its box', async (theme, width) => {
  document.documentElement.dataset['theme'] = theme;
  await page.viewport(width, 800);
  show(EVALS);
  await expect.element(page.getByRole('region', { name: 'Confusion matrix', exact: true })).toBeVisible();
  expect(await violationsIn(document.body)).toEqual([]);
  expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(width);
});
