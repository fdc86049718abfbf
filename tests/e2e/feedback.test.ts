/** The feedback loop as a new user goes it: rate 20 answers, train on them with one click, see the result, also after a reload. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { file, folder, launchBrowser, openWorld, quickRecipe, takeAdapter, trainToEnd, type World } from './world';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

/** Compares, and rates the tuned answer as good and the base's as bad. */
async function rateBoth({ recorder }: World, tab: Locator, prompt: string): Promise<void> {
  const from = recorder.events.length;
  await tab.locator('#use-prompt').fill(prompt);
  await tab.getByRole('button', { name: 'Compare', exact: true }).click();
  await recorder.next('sample', 60_000, from);
  await tab.getByRole('button', { name: 'Good: Tuned model' }).click();
  await tab.getByRole('button', { name: 'Bad: Base model' }).click();
  await tab.getByRole('button', { name: 'Start anew' }).click();
}

it('20 ratings train a run, and blind pairs say whether it is preferred', async () => {
  const world = await openWorld(browser, 'wasm');
  const { person, recorder, page } = world;
  const recipe = { ...quickRecipe, maxSteps: 12, evalEvery: 12, learningRate: 5e-3, heldOutRatio: 0.1 };
  await person.pickRecipe(file(folder(), 'recipe.json', JSON.stringify(recipe)));
  await person.takeSample('Lighthouse keeper');
  await recorder.next('data', 30_000);
  await trainToEnd(world);

  let tab = await person.openUse('Try');
  await tab.getByLabel('Max tokens').fill('8');
  for (let i = 0; i < 10; i++) await rateBoth(world, tab, `What is lamp ${i}?`);
  await tab.getByText('Your ratings', { exact: true }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    tab.getByRole('button', { name: /^Save KTO rows/ }).click(),
  ]);
  const rows = readFileSync(await download.path(), 'utf8')
    .trim()
    .split('\n');
  expect(rows).toHaveLength(20);
  expect(JSON.parse(rows[0] ?? '')).toMatchObject({ prompt: [{ role: 'user', content: 'What is lamp 0?' }], label: true });

  let from = recorder.events.length;
  await page.reload();
  await recorder.next('ready', 60_000, from);
  tab = await person.openUse('Try');
  await tab.getByText('Your ratings', { exact: true }).click();
  from = recorder.events.length;
  await tab.getByRole('button', { name: 'Train on 20 ratings' }).click({ timeout: 30_000 });
  const finished = await recorder.next('finished', 300_000, from);
  expect(finished.steps).toBe(60);
  const margins = recorder.events
    .slice(from)
    .flatMap((event) => (event.event === 'step' ? [event.figures?.['rewards/margins'] ?? 0] : []));
  expect(margins.at(-1)).toBeGreaterThan((margins[0] ?? Infinity) + 0.2);

  tab = await person.openUse('Try');
  await tab.getByText('Blind pairs', { exact: true }).click();
  await tab.getByRole('button', { name: 'Start blind pairs' }).click();
  const pair = tab.getByRole('group', { name: 'Blind pair' });
  for (const key of ['1', '2', '0']) {
    const before = recorder.events.length;
    await pair.getByRole('button', { name: '1 is better', disabled: false }).waitFor({ timeout: 60_000 });
    await page.keyboard.press(key);
    await recorder.next('pairs', 60_000, before);
  }
  await tab.getByRole('button', { name: 'Stop here' }).click();
  const verdict = /Trained on 20 ratings: preferred in (0|50|100) % of 2 blind pairs with “.+”\. Too few to tell/;
  await expect.poll(() => tab.innerText()).toMatch(verdict);
  const out = folder();
  await takeAdapter(world, out);
  expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain('Trained on 20 ratings: preferred in');
  await page.getByRole('link', { name: 'Runs', exact: true }).click();
  await page.getByRole('table', { name: 'Runs' }).locator('button[aria-expanded]').first().click();
  await expect.poll(() => page.locator('main').innerText()).toMatch(verdict);
});
