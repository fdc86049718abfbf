/** Interrupted runs: after a reload, a crashed tab or a dead worker the resumed run ends with the same bytes as an uninterrupted one. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAdapter } from './adapter';
import {
  chooseQuick,
  folder,
  launchBrowser,
  openPage,
  openWorld,
  takeAdapter,
  trainingWorker,
  trainTo,
  trainToEnd,
  type World,
} from './world';

type Backend = 'wasm' | 'webgpu';

/** Enough that a run can be interrupted before it ends. */
const STEPS = { wasm: 100, webgpu: 6 };

const recipeFor = (backend: Backend) => ({
  maxSteps: STEPS[backend],
  saveEvery: 2,
  evalEvery: STEPS[backend],
  heldOutRatio: 0.02,
});

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

/** Presses "Resume" and waits for the end. Returns the first step after resuming. */
async function resumeToEnd({ person, recorder }: World, backend: Backend): Promise<number> {
  const from = recorder.events.length;
  await person.resume(60_000);
  const first = await recorder.next('step', 300_000, from);
  expect((await recorder.next('finished', 300_000, from)).steps).toBe(STEPS[backend]);
  return first.step;
}

async function adapterOf(world: World): Promise<Buffer> {
  const out = folder();
  await takeAdapter(world, out);
  return readAdapter(out).bytes;
}

async function uninterrupted(backend: Backend): Promise<Buffer> {
  const world = await openWorld(browser, backend);
  await chooseQuick(world, recipeFor(backend));
  await trainToEnd(world);
  return adapterOf(world);
}

const interruptions: readonly { title: string; interrupt: (world: World, backend: Backend) => Promise<World> }[] = [
  { title: 'a reload', interrupt: reload },
  { title: 'a crashed tab', interrupt: crash },
  { title: 'a dead worker', interrupt: killWorker },
];

async function reload(world: World): Promise<World> {
  const from = world.recorder.events.length;
  await world.page.reload();
  await world.recorder.next('ready', 60_000, from);
  return world;
}

async function crash(world: World, backend: Backend): Promise<World> {
  const crashed = new Promise((resolve) => world.page.once('crash', resolve));
  const session = await world.context.newCDPSession(world.page);
  session.send('Page.crash').catch(() => undefined);
  await crashed;
  return openPage(world.context, backend);
}

/** Ends the training worker by an uncaught exception; the page must report it. */
async function killWorker(world: World): Promise<World> {
  const worker = trainingWorker(world);
  await worker.evaluate(() => {
    setTimeout(() => {
      throw new Error('killed by the test');
    });
  });
  await world.recorder.next('error', 30_000).catch(() => undefined);
  expect(world.recorder.forgive()?.code).toBe('worker/died');
  await world.person.stage('Train').getByRole('alert').first().waitFor();
  return world;
}

/**
 * On a software GPU this takes five minutes, and what happens to the page is the same as on the processor. The bytes of a run that was
 * killed on a GPU are those of tests/browser/resume.test.ts. `npm test -- --all` runs both here too.
 */
const backends: readonly Backend[] = process.env['VITE_ALL_CASES'] === '1' ? ['wasm', 'webgpu'] : ['wasm'];

describe.each(backends)('a run on %s is resumed exactly', (backend) => {
  let expected: Promise<Buffer> | null = null;

  it.each(interruptions)('after $title', async ({ interrupt }) => {
    expected ??= uninterrupted(backend);
    const bytes = await expected;
    const world = await openWorld(browser, backend);
    await chooseQuick(world, recipeFor(backend));
    await trainTo(world, 3);
    const after = await interrupt(world, backend);
    expect(await resumeToEnd(after, backend)).toBeGreaterThan(1);
    expect((await adapterOf(after)).equals(bytes)).toBe(true);
  });
});
