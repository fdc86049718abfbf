/**
 * `npm run screenshots`: saves pictures of the five stages after a short run, at 360, 1280 and 1920 pixels, light and dark, in
 * out/shots, and docs/screenshot.png for the README.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { launchBrowser } from './browser';
import { RUN_BAR } from '../src/ui/names';
import { Person, STAGES } from './person';
import { Recorder } from './recorder';
import { buildIfStale, root, servePage } from './serve';

const MINUTE = 60_000;
const recipe = { maxSteps: 60, sequenceLength: 128, evalEvery: 10, saveEvery: 20, sampleEvery: 20, learningRate: 1e-3 };

const BAR_BELOW = `:has(> section[aria-label="${RUN_BAR}"]) { position: static !important }`;

/** Trains on a sample, so that every stage has content. */
async function fill(person: Person, recorder: Recorder): Promise<void> {
  const path = join(root, 'out', 'shots', 'recipe.json');
  writeFileSync(path, JSON.stringify(recipe));
  await person.pickRecipe(path);
  await person.takeSample('Lighthouse keeper');
  await recorder.next('data', MINUTE);
  await person.startTraining(MINUTE);
  await recorder.next('finished', 10 * MINUTE);
  await person.compare(48);
  await recorder.next('sample', 2 * MINUTE);
}

async function shoot(person: Person, page: Page, folder: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1920, 1280, 360]) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: width === 360 ? 780 : 900 });
      for (const title of STAGES) {
        await person.open(title);
        await page.waitForTimeout(300);
        // In a picture of the whole page the bar is below the content, not over it.
        await page.screenshot({
          style: BAR_BELOW,
          path: join(folder, `${title.toLowerCase()}-${width}-${colorScheme}.png`),
          fullPage: true,
        });
      }
    }
}

async function main(): Promise<void> {
  const folder = join(root, 'out', 'shots');
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(root, 'docs'), { recursive: true });
  await buildIfStale();
  const served = await servePage();
  const browser = await launchBrowser();
  const page = await browser.newPage({
    ...{ viewport: { width: 1280, height: 900 }, colorScheme: 'light', serviceWorkers: 'block' },
  });
  const recorder = await Recorder.attach(page);
  const person = new Person(page);
  await page.goto(`${served.url}?backend=wasm`);
  await recorder.next('ready', MINUTE);
  await fill(person, recorder);
  await shoot(person, page, folder);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 900 });
  await person.open('Train');
  await page.screenshot({ path: join(root, 'docs', 'screenshot.png') });
  await browser.close();
  await served.close();
  console.log(`The stages are in ${folder}.`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
