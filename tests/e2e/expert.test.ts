/** The way of an expert: changes eight settings, pauses, reloads, resumes, trains again with two of them changed, and finds what differed. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser, openWorld, trainTo, type World } from './world';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const SETTINGS = {
  Rank: '8',
  Alpha: '24',
  Dropout: '0.05',
  'Learning rate': '0.001',
  'Warm-up': '0.1',
  'Weight decay': '0.02',
  'Gradient clipping': '0.5',
  'Stop after steps': '60',
};

async function change({ person }: World, settings: Readonly<Record<string, string>>): Promise<void> {
  const stage = await person.openTab('Recipe', 'Everything');
  for (const [label, value] of Object.entries(settings))
    await stage.getByRole('textbox', { name: label, exact: true }).fill(value);
}

const sinceLast = ({ person }: World) => person.bar.getByRole('link', { name: /last run/ });

it('changes, pauses, reloads, resumes, and compares two runs', async () => {
  const world = await openWorld(browser, 'wasm');
  const { page, person, recorder } = world;
  await person.takeSample('Support tickets');
  await recorder.next('data', 30_000);
  await change(world, SETTINGS);
  await page.getByLabel('Changed only').check();
  for (const label of Object.keys(SETTINGS)) await page.getByRole('textbox', { name: label, exact: true }).waitFor();
  await trainTo(world, 3);
  await person.bar.getByRole('button', { name: 'Pause', exact: true }).click();
  await person.bar.getByRole('button', { name: 'Resume', exact: true }).waitFor();

  await page.reload();
  await person.resume(60_000);
  const first = await recorder.next('finished', 120_000);
  expect(first.steps).toBe(60);
  await expect.poll(() => sinceLast(world).innerText()).toBe('Same choices as in the last run');

  await change(world, { Rank: '4', 'Learning rate': '0.002' });
  await expect.poll(() => sinceLast(world).innerText()).toBe('Since the last run: Rank 8 → 4 and 1 more');
  await person.startTraining(60_000);
  await recorder.next('finished', 120_000, recorder.events.indexOf(first) + 1);

  await page.getByRole('link', { name: /^Runs/ }).click();
  const boxes = page.getByRole('row').getByRole('checkbox');
  await expect.poll(() => boxes.count()).toBe(2);
  for (const box of await boxes.all()) await box.check();
  const rows = page.getByRole('region', { name: 'What differs' }).getByRole('row');
  await expect.poll(() => rows.count()).toBe(3);
  const texts = await rows.allInnerTexts();
  expect(texts.slice(1).map((text) => text.replaceAll(/\s+/g, ' ').trim())).toEqual([
    'Rank method.rank 4 8',
    'Learning rate learningRate 0.002 0.001',
  ]);
});
