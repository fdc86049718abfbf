/** Labelled texts: the page takes its guess, or the user chooses the task, and the run classifies with the starter encoder. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readAdapter } from './adapter';
import { file, folder, launchBrowser, openWorld, quickRecipe, takeAdapter, trainToEnd } from './world';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** The counts of the table add up to what the sentence above it says: 60 held-out tickets, those on the diagonal are right. */
async function checkConfusion(page: Page): Promise<void> {
  const table = page.getByRole('region', { name: 'Confusion matrix', exact: true }).getByRole('table');
  const rows = await table.getByRole('row').all();
  const cells = await Promise.all(rows.slice(1).map(async (row) => (await row.getByRole('cell').allInnerTexts()).slice(0, 6)));
  const counts = cells.map((row) => row.map(Number));
  const sum = (values: readonly number[]) => values.reduce((total, one) => total + one, 0);
  expect(counts.map((row) => row.length)).toEqual(Array(6).fill(6));
  expect(sum(counts.flat())).toBe(60);
  const right = sum(counts.map((row, i) => row[i] ?? 0));
  expect(await page.locator('section#train').innerText()).toContain(`${right} of 60 held-out examples are right.`);
}

it('tickets are sorted into categories: metrics, bars, and an adapter for a classifier', async () => {
  const world = await openWorld(browser, 'wasm');
  const { person, recorder, page } = world;
  const recipe = { ...quickRecipe, maxSteps: 30, learningRate: 2e-3, rank: 16, alpha: 32, heldOutRatio: 0.2, evalEvery: 15 };
  await person.pickRecipe(file(folder(), 'recipe.json', JSON.stringify(recipe)));
  await person.takeSample('Support tickets');
  await recorder.next('data', 30_000);
  await person.chooseKind('task', 'categories');
  await expect.poll(() => page.locator('section#model').innerText()).toContain('Finetab starter encoder');
  const finished = await trainToEnd(world);
  expect(finished.baseLoss).toBeNull();
  // Six balanced labels: a guess is right in 17 % of the rows.
  const last = recorder.events.findLast((event) => event.event === 'eval');
  expect(last?.metrics?.['accuracy']).toBeGreaterThan(0.4);
  await expect.poll(() => page.locator('section#train').innerText()).toMatch(/Accuracy\s*\d+ %\s*on held-out examples/);
  await checkConfusion(page);

  await recorder.during(person.predict());
  const prediction = await recorder.next('prediction', 60_000);
  expect(prediction.names).toEqual(['account', 'billing', 'delivery', 'plant care', 'praise', 'returns']);
  expect(prediction.values.reduce((sum, value) => sum + value)).toBeCloseTo(1, 5);
  const bars = page.getByRole('region', { name: 'Prediction' }).getByRole('listitem');
  await expect.poll(() => bars.count()).toBe(6);
  const best = prediction.names[prediction.values.indexOf(Math.max(...prediction.values))];
  expect(await bars.first().innerText()).toContain(best);

  await recorder.during(person.measureHeldOut());
  const measured = await recorder.next('measurement', 60_000);
  expect(measured).toMatchObject({ which: 'tuned', step: 30, rows: 60, loss: last?.loss, metrics: last?.metrics });
  const rows = ['text,label', 'My invoice is wrong,billing', 'Where is my parcel?,delivery', 'What colour is it?,colour'];
  await recorder.during(person.measureOn(file(folder(), 'test.csv', rows.join('\n'))));
  expect(await recorder.next('measurement', 60_000, recorder.events.indexOf(measured) + 1)).toMatchObject({ rows: 2 });

  const out = folder();
  await recorder.during(person.calibrate(60_000));
  expect(await recorder.next('calibration', 60_000)).toMatchObject({ step: 30, rows: 60 });
  const texts = ['id,text', '1,My invoice is wrong', '2,Where is my parcel?', '3,'];
  await recorder.during(person.measureOn(file(folder(), 'texts.csv', texts.join('\n'))));
  const saved = await recorder.during(person.savePredictions('texts.csv', out, 60_000));
  const lines = readFileSync(join(out, saved), 'utf8').split('\r\n');
  expect(lines[0]).toBe(`id,text,prediction,${prediction.names.map((name) => `probability_${name}`).join(',')}`);
  expect(lines[1]).toMatch(/^1,My invoice is wrong,[a-z ]+(,0\.\d{6}){6}$/);
  expect(lines[3]).toBe('3,,,,,,,,');
  await takeAdapter(world, out);
  expect(readAdapter(out).config).toMatchObject({ peft_type: 'LORA', task_type: 'SEQ_CLS' });
});

it('opening data is enough to learn what they look like, and other data are learnt as what they are', async () => {
  const { person, recorder, page } = await openWorld(browser, 'wasm');
  const [model, data] = [page.locator('section#model'), page.locator('section#data')];
  const ready = async () => {
    await person.open('Train');
    await expect.poll(() => page.getByRole('button', { name: 'Start training' }).isEnabled()).toBe(true);
  };
  await person.takeSample('Support tickets');
  await recorder.next('data', 30_000);
  await expect.poll(() => data.innerText()).toContain('Looks like: sort into 6 categories.');
  await expect.poll(() => model.innerText()).toContain('Finetab starter encoder');
  await ready();
  await person.chooseKind('task', 'text');
  await person.chooseKind('task', 'categories');
  await person.takeSample('Lighthouse keeper');
  await recorder.next('data', 30_000, recorder.events.length - 1);
  await expect
    .poll(() => data.innerText())
    .toContain('You chose “Sort into categories”, which lighthouse-keeper.jsonl can’t serve.');
  await expect.poll(() => model.innerText()).not.toContain('encoder');
  await ready();
});
