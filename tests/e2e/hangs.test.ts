/** A training worker that ends without an event, one that hangs, and a GPU that never answers: the page reports it and can resume. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { chooseQuick, launchBrowser, openPage, trainingWorker, trainTo, type World } from './world';

const MINUTE = 60_000;
/** Enough that a run can be interrupted before it ends. */
const STEPS = { wasm: 150, webgpu: 10 };

type Backend = keyof typeof STEPS;

function recipeFor(backend: Backend) {
  const steps = STEPS[backend];
  return { maxSteps: steps, saveEvery: 2, evalEvery: steps, sampleEvery: steps, heldOutRatio: 0.02 };
}

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

/** A page whose runs count as hung after three seconds, unless their own gaps are longer. */
async function openImpatient(backend: Backend): Promise<World> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block' });
  onTestFinished(() => context.close());
  return openPage(context, backend, inject('pageUrl'), '&silence=3');
}

const stageText = (world: World) => world.person.stage('Train').innerText();
const button = (world: World, name: string) => world.person.stage('Train').getByRole('button', { name, exact: true });

/** Expects the run to end with its last step. */
async function expectEnd({ recorder }: World, from: number, backend: Backend): Promise<void> {
  expect((await recorder.next('finished', 5 * MINUTE, from)).steps).toBe(STEPS[backend]);
}

describe('a worker that closed itself', () => {
  it('is noticed, and its run is resumed from the last checkpoint', async () => {
    const world = await openImpatient('wasm');
    await chooseQuick(world, recipeFor('wasm'));
    await trainTo(world, 3);
    await trainingWorker(world).evaluate(() => self.close());
    await expect
      .poll(() => stageText(world), { timeout: MINUTE })
      .toMatch(
        /Training stopped at step \d+: its worker died \(it ended without an error.*\)\. Resume continues from the last checkpoint\./,
      );
    expect(world.recorder.forgive()?.code).toBe('worker/died');
    const from = world.recorder.events.length;
    await world.person.resume(MINUTE);
    await expectEnd(world, from, 'wasm');
  });
});

describe('a worker that hangs in a step', () => {
  it('is noticed: the page says since when and what was usual, and resumes', async () => {
    const world = await openImpatient('wasm');
    await chooseQuick(world, recipeFor('wasm'));
    await trainTo(world, 3);
    // In a task of the worker itself: Chromium does not terminate a worker during a task of the debugger.
    await trainingWorker(world).evaluate(() => {
      setTimeout(() => {
        for (;;);
      });
    });
    await expect.poll(() => stageText(world), { timeout: 2 * MINUTE }).toContain('The training does not respond.');
    expect(await stageText(world)).toMatch(
      /Its last event came at \d\d:\d\d:\d\d, more than \d+ s ago\. Before that, at most \d+ s passed between two events\./,
    );
    await button(world, 'Keep waiting').click();
    await expect.poll(() => stageText(world)).not.toContain('The training does not respond.');
    await expect.poll(() => stageText(world), { timeout: 2 * MINUTE }).toContain('The training does not respond.');
    const from = world.recorder.events.length;
    await button(world, 'Resume').click();
    await expectEnd(world, from, 'wasm');
    expect(world.recorder.failure).toBeNull();
  });
});

describe('a GPU that never answers', () => {
  it('does not make Stop hang: the run can be ended at once, and resumed', async () => {
    const world = await openImpatient('webgpu');
    await chooseQuick(world, recipeFor('webgpu'));
    await trainTo(world, 3);
    // Stop is pressed after the first read that gets no answer: before it, the run could end without another read.
    const worker = trainingWorker(world);
    await worker.evaluate(
      () =>
        new Promise<void>((resolve) => {
          GPUBuffer.prototype.mapAsync = () => {
            resolve();
            return new Promise(() => undefined);
          };
        }),
    );
    await world.person.bar.getByRole('button', { name: 'Stop and save' }).click();
    await button(world, 'End now').click({ timeout: 2 * MINUTE });
    await expect.poll(() => stageText(world), { timeout: MINUTE }).toMatch(/Interrupted, step \d/);
    expect(world.recorder.failure).toBeNull();
    const from = world.recorder.events.length;
    await world.person.resume(MINUTE);
    await expectEnd(world, from, 'webgpu');
  });
});
