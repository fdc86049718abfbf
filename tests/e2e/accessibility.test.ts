/** Every stage and the page of the runs after a whole run, in two widths, light and dark: axe finds no serious violation, and nothing overflows. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { STAGES, type StageTitle } from '../../scripts/person';
import { chooseQuick, launchBrowser, openWorld, trainToEnd, type World } from './world';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

/** What axe calls serious or critical, one line for each element. */
async function serious({ page }: World): Promise<readonly string[]> {
  await page.evaluate(axeSource);
  const results = await page.evaluate<AxeResults>(
    `axe.run(document, { rules: { 'target-size': { enabled: true } }, resultTypes: ['violations'] })`,
  );
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 120)} (${node.failureSummary ?? ''})`));
}

async function look(world: World, title: StageTitle): Promise<readonly string[]> {
  await world.person.open(title);
  return problems(world);
}

/** Looks at the page of the runs, with the details of the run, and goes back to the stages. */
async function lookAtRuns(world: World): Promise<readonly string[]> {
  await world.page.getByRole('link', { name: 'Runs', exact: true }).click();
  await world.page.getByRole('table', { name: 'Runs' }).getByRole('button', { expanded: false }).click();
  const found = await problems(world);
  await world.page.goBack();
  return found;
}

async function problems(world: World): Promise<readonly string[]> {
  const overflow = await world.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  return [...(await serious(world)), ...(overflow > 0 ? [`scrolls sideways by ${overflow} pixels`] : [])];
}

it('has no serious violation in any stage, nor in the page of the runs', async () => {
  const world = await openWorld(browser, 'wasm');
  await chooseQuick(world);
  await trainToEnd(world);
  await world.person.compare(8);
  await world.recorder.next('sample', 60_000);
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1280, 320]) {
      await world.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await world.page.setViewportSize({ width, height: 900 });
      for (const title of [...STAGES, 'Runs'] as const) {
        const violations = await (title === 'Runs' ? lookAtRuns(world) : look(world, title));
        found.push(...violations.map((violation) => `${title}, ${colorScheme}, ${width}: ${violation}`));
      }
    }
  expect(found).toEqual([]);
});
