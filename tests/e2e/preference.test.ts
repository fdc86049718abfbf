/** Pairs of answers: the objective is chosen on the page, the run reports rewards, and the adapter is taken away. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readAdapter } from './adapter';
import { file, folder, launchBrowser, openWorld, quickRecipe, takeAdapter, trainToEnd } from './world';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it('DPO on the sample of pairs raises the rewards of preferred answers', async () => {
  const world = await openWorld(browser, 'wasm');
  const { person, recorder, page } = world;
  const recipe = { ...quickRecipe, maxSteps: 12, sequenceLength: 128, heldOutRatio: 0.15, evalEvery: 6 };
  await person.pickRecipe(file(folder(), 'recipe.json', JSON.stringify(recipe)));
  await person.takeSample('Short answers');
  await recorder.next('data', 30_000);
  await person.chooseKind('objective', 'dpo');
  const finished = await trainToEnd(world);
  expect(finished.baseLoss).toBeCloseTo(Math.LN2, 4);
  expect(finished.tunedLoss).toBeLessThan(0.9 * Math.LN2);
  const [first, last] = recorder.events.flatMap((event) => (event.event === 'eval' && event.step > 0 ? [event.metrics] : []));
  expect(last?.['rewards/margins']).toBeGreaterThan(first?.['rewards/margins'] ?? Infinity);
  expect(last?.['rewards/accuracies']).toBeGreaterThan(0.8);
  const train = page.locator('section#train');
  await expect.poll(() => train.innerText()).toMatch(/Reward accuracy\s*\d+ %\s*on held-out examples/);
  expect(await train.innerText()).toContain('mean over the pairs');

  const out = folder();
  await takeAdapter(world, out);
  expect(readAdapter(out).config).toMatchObject({ peft_type: 'LORA', task_type: 'CAUSAL_LM' });
});

it('a reward model learns from the sample of pairs, and scores an answer', async () => {
  const world = await openWorld(browser, 'wasm');
  const { person, recorder, page } = world;
  const recipe = { ...quickRecipe, maxSteps: 24, sequenceLength: 128, heldOutRatio: 0.15, evalEvery: 12 };
  await person.pickRecipe(file(folder(), 'recipe.json', JSON.stringify(recipe)));
  await person.takeSample('Short answers');
  await recorder.next('data', 30_000);
  await person.chooseKind('objective', 'reward');
  const finished = await trainToEnd(world);
  expect(finished.baseLoss).toBeNull();
  expect(finished.tunedLoss).toBeLessThan(0.9 * Math.LN2);
  const last = recorder.events.findLast((event) => event.event === 'eval');
  expect(last?.metrics?.['accuracy']).toBeGreaterThan(0.8);
  expect(last?.metrics?.['margin']).toBeGreaterThan(0);
  await expect
    .poll(() => page.locator('section#train').innerText())
    .toMatch(/Preference accuracy\s*\d+ %\s*on held-out examples/);

  const use = await person.open('Use');
  expect(await use.getByRole('button', { name: 'Score' }).isEnabled()).toBe(false);
  expect(await use.innerText()).toContain('Write an answer first.');
  await recorder.during(person.score('A lighthouse.'));
  const prediction = await recorder.next('prediction', 60_000);
  expect(prediction).toMatchObject({ kind: 'score', second: 'A lighthouse.', names: [] });
  const shown = page.getByRole('region', { name: 'Prediction' });
  await expect.poll(() => shown.innerText()).toContain((prediction.values[0] ?? NaN).toPrecision(4));
  expect(await shown.innerText()).toMatch(/Score[^]*higher is better|higher is better[^]*Score/);

  const out = folder();
  await takeAdapter(world, out);
  expect(readAdapter(out).config).toMatchObject({ peft_type: 'LORA', task_type: 'SEQ_CLS' });
});

it('a recipe for pairs is refused for other data, in words, until its objective is changed', async () => {
  const { person, recorder } = await openWorld(browser, 'wasm');
  await person.pickRecipe(file(folder(), 'recipe.json', JSON.stringify({ version: 2, objective: { kind: 'dpo' } })));
  await person.takeSample('Lighthouse keeper');
  await recorder.next('data', 30_000);
  const start = person.bar.getByRole('button', { name: 'Start training' });
  await expect.poll(() => person.bar.innerText()).toContain('learns from a preferred and a rejected answer for each question');
  expect(await start.isEnabled()).toBe(false);
  await person.chooseKind('objective', 'sft');
  await expect.poll(() => start.isEnabled()).toBe(true);
});
