/** Two tabs of one browser: the second watches the run of the first without changing anything, and can resume it afterwards. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chooseQuick, launchBrowser, openPage, openWorld, trainTo, type World } from './world';

const MINUTE = 60_000;
const STEPS = 9000;
const recipe = { maxSteps: STEPS, saveEvery: 3, evalEvery: 50, sampleEvery: STEPS, heldOutRatio: 0.02, rank: 4 };
const blocked = 'A run is being trained in another tab. Pause or stop it there first.';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

const stageText = (world: World) => world.person.stage('Train').innerText();
const button = (world: World, name: string) => world.person.bar.getByRole('button', { name, exact: true });

/** The step that the Train stage shows. */
async function shownStep(world: World): Promise<number> {
  return Number(/Step ([\d,]+) of/.exec(await stageText(world))?.[1]?.replace(',', '') ?? 0);
}

/** Last step on the axis of the loss chart. */
async function chartEnd(world: World): Promise<number> {
  const chart = world.person.stage('Train').getByRole('slider', { name: 'Loss: position on the curve' });
  return Number(await chart.getAttribute('aria-valuemax'));
}

const stored = ({ page }: World) => page.evaluate(() => JSON.stringify(Object.entries(localStorage).sort()));

it('the second tab watches the run, changes nothing of the first, and resumes when it has ended', async () => {
  const first = await openWorld(browser, 'wasm');
  await chooseQuick(first, recipe);
  await trainTo(first, 3);

  const second = await openPage(first.context, 'wasm');
  await second.person.open('Train');
  await expect.poll(() => stageText(second), { timeout: MINUTE }).toContain('This run is trained in another tab.');
  expect(await second.person.bar.innerText()).toContain(blocked);
  for (const name of ['Start training', 'Resume']) expect(await button(second, name).isDisabled()).toBe(true);
  const [step, end] = [await shownStep(second), await chartEnd(second)];
  await expect.poll(() => shownStep(second), { timeout: MINUTE }).toBeGreaterThan(step + 1);
  await expect.poll(() => chartEnd(second), { timeout: MINUTE }).toBeGreaterThan(end + 1);

  const before = await stored(first);
  await second.person.takeSample('Lighthouse keeper');
  await second.recorder.next('data', MINUTE);
  await second.person.setSteps(7);
  expect(await stored(first)).toBe(before);

  const from = first.recorder.events.length;
  await first.page.reload();
  expect(await first.recorder.next('data', MINUTE, from)).toMatchObject({ format: 'text-label' });
  await first.person.open('Data');
  await expect.poll(() => first.person.stage('Data').innerText()).toContain('support-tickets.csv');
  await first.person.open('Recipe');
  expect(await first.person.stage('Recipe').getByLabel('Rank', { exact: true }).inputValue()).toBe('4');

  await second.person.open('Train');
  await expect.poll(() => button(second, 'Resume').isEnabled(), { timeout: MINUTE }).toBe(true);
  await second.person.resume(MINUTE);
  await second.recorder.next('step', 2 * MINUTE);
  await first.person.open('Train');
  await expect.poll(() => stageText(first), { timeout: MINUTE }).toContain('This run is trained in another tab.');
  await button(second, 'Pause').click();
  await expect.poll(() => button(first, 'Resume').isEnabled(), { timeout: MINUTE }).toBe(true);
  for (const { recorder } of [first, second]) expect(recorder.failure).toBeNull();
});
