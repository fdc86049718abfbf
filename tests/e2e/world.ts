/** What every end-to-end test starts with: a browser, a new profile with the page in it, and a person that uses it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions, Page, Worker } from 'playwright-core';
import { expect, inject, onTestFinished } from 'vitest';
import { launchBrowser } from '../../scripts/browser';
import { Person } from '../../scripts/person';
import { Recorder, type JournalEvent } from '../../scripts/recorder';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A short recipe that still trains, evaluates, saves and samples: one prompt, because a software GPU needs a second for a few tokens. */
export const quickRecipe = {
  maxSteps: 4,
  sequenceLength: 64,
  rank: 4,
  alpha: 8,
  learningRate: 1e-3,
  evalEvery: 4,
  saveEvery: 2,
  heldOutRatio: 0.05,
  samplePrompts: ['Where is my parcel?'],
};

export interface World {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly person: Person;
  readonly recorder: Recorder;
}

/**
 * Opens the page of `url` in a profile of its own, which is closed when the test ends. Without a service worker unless `options` allow
 * it: most tests open the page once, and would store all of its files for nothing.
 */
export async function openWorld(
  browser: Browser,
  backend: 'auto' | 'webgpu' | 'wasm',
  options: BrowserContextOptions = {},
  url = inject('pageUrl'),
): Promise<World> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block', ...options });
  onTestFinished(() => context.close());
  return openPage(context, backend, url);
}

/** Opens another page in the same profile. `options` are added to its address. */
export async function openPage(
  context: BrowserContext,
  backend: 'auto' | 'webgpu' | 'wasm',
  url = inject('pageUrl'),
  options = '',
): Promise<World> {
  const page = await context.newPage();
  const recorder = await Recorder.attach(page);
  await page.goto(`${url}?backend=${backend}${options}`);
  await recorder.next('ready', 60_000);
  return { page, context, person: new Person(page), recorder };
}

export { launchBrowser };

/** Chooses a sample of the page, and the quick recipe with `change`. */
export async function chooseQuick({ person, recorder }: World, change: object = {}): Promise<void> {
  await person.pickRecipe(file(folder(), 'recipe.json', JSON.stringify({ ...quickRecipe, ...change })));
  await person.takeSample('Support tickets');
  await recorder.next('data', 30_000);
}

/** Presses "Start training" and waits until at least `step` is done. */
export async function trainTo({ person, recorder }: World, step: number): Promise<void> {
  await person.startTraining(60_000);
  const reached = () => recorder.events.some((event) => event.event === 'step' && event.step >= step);
  await recorder.until(reached, 300_000, `step ${step}`);
}

/** The training worker of the page. */
export function trainingWorker({ page }: World): Worker {
  // By address: the threads of the processor's kernels answer no question.
  const worker = page.workers().find((one) => one.url().includes('train.worker'));
  if (worker === undefined) throw new Error('The page has no training worker.');
  return worker;
}

/** Presses "Start training" and waits for the end. */
export async function trainToEnd({ person, recorder }: World): Promise<Extract<JournalEvent, { event: 'finished' }>> {
  await person.startTraining(60_000);
  return recorder.next('finished', 300_000);
}

/** Downloads the adapter's files into `out`; those of a starter come with it. */
export async function takeAdapter({ person, recorder }: World, out: string): Promise<void> {
  const names = ['adapter_config.json', 'adapter_model.safetensors', 'README.md'];
  const saved = await recorder.during(person.downloadFiles(out, 60_000));
  expect(saved.filter((name) => !name.startsWith('base/')).sort()).toEqual([...names].sort());
  expect(saved).toContain('base/model.safetensors');
}

/** A folder for the files of one test, deleted when it ends. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'finetab-e2e-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Writes a file for a test and returns its path. */
export function file(inFolder: string, name: string, content: string | Uint8Array): string {
  const path = join(inFolder, name);
  writeFileSync(path, content);
  return path;
}
