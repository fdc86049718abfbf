/** Advice in the Data stage, on the real data worker: listed with the suggested steps, and done by a click. */

import { flushSync, mount, unmount } from 'svelte';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { dataClient } from '../../src/client';
import { advice } from '../../src/state/advice.svelte';
import { cleanWithRecipe } from '../../src/state/cleaning.svelte';
import { data } from '../../src/state/data.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;
let stops: (() => void)[] = [];

beforeAll(() => {
  stage = mount(DataStage, { target: document.body });
  stops = [cleanWithRecipe(), advice.start()];
});
afterAll(() => {
  for (const stop of stops) stop();
  void unmount(stage);
  dataClient.kill();
});
beforeEach(async () => {
  await data.close();
  recipe.reset();
  flushSync();
  await data.open(new File([CSV], 'tickets.csv'));
});

/** 46 usual rows and 4 odd ones, two of which only differ in white space; a subject that is always the same. */
const CSV = [
  'subject,text,label',
  ...Array.from({ length: 48 }, (_, i) => `Request,Number ${i} of ${i * 7} things,${i < 45 ? 'usual' : 'odd'}`),
  'Request,Number 99, odd',
].join('\n');

const line = page.getByRole('region', { name: 'Clean' });
const panel = page.getByRole('tabpanel', { name: 'Clean' });

it('lists what matters with the steps, and does what is clicked', async () => {
  await expect.element(line).toHaveTextContent(/49 usable · \d suggestions? · \d hints?/);
  await line.getByRole('button', { name: 'Review' }).click();
  await expect.element(panel).toHaveTextContent(/“usual” is the label of 92 % of the rows, and “odd” of 4 rows/);
  expect(recipe.at('objective.kind')).toBe('classify');
  await panel.getByRole('button', { name: 'Use class weights' }).click();
  expect(recipe.at('objective.weighting')).toBe('balanced');
  await expect.element(panel).toHaveTextContent('Done: Use class weights.');
  await expect.element(panel).not.toHaveTextContent(/is the label of 92 %/);
  await expect.element(panel.getByRole('heading', { name: 'Applied steps' })).toHaveFocus();
});

it('leaves what needs a click of its own, when all steps are applied', async () => {
  await expect.element(line).toHaveTextContent(/hint/);
  await line.getByRole('button', { name: 'Apply all' }).click();
  await expect.element(line).toHaveTextContent(/Applied: Trim white space: 1 row/);
  expect(recipe.value?.dataSteps.map(({ kind }) => kind)).toEqual(['trim']);
  expect(recipe.at('objective.weighting')).toBe('none');
  await expect.element(line).toHaveTextContent(/\d hint/);
});

it('has no violation, also where the page is narrow', async () => {
  await line.getByRole('button', { name: 'Review' }).click();
  await expect.element(panel.getByRole('button', { name: 'Balance the rows' })).toBeVisible();
  for (const width of [360, 1280]) {
    await page.viewport(width, 800);
    expect(await violationsIn(panel.element())).toEqual([]);
    expect(panel.element().scrollWidth).toBeLessThanOrEqual(panel.element().clientWidth);
  }
});
