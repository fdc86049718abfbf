/** A model of a hub, from its name to a run: looked up, downloaded with a cut on the way, trained; and no request before the user asks. */

import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { modelIn, openHub, type LocalHub } from '../../scripts/hub-server';
import { chooseQuick, launchBrowser, openWorld, root, trainToEnd } from './world';

const ID = 'someone/starter';
const MINUTE = 60_000;

let browser: Browser;
let hub: LocalHub;
beforeAll(async () => {
  hub = await openHub({ [ID]: modelIn(join(root, 'public/models/starter'), ['safetensors', 'license:apache-2.0']) });
  browser = await launchBrowser();
});
beforeEach(() => hub.reset());
afterAll(async () => {
  await browser.close();
  await hub.close();
});

/** The directive of the policy that refuses a request; evaluated in the frame of the hub. */
const refusedBy = (url: string): Promise<string> =>
  new Promise((resolve) => {
    addEventListener('securitypolicyviolation', (event) => resolve((event as SecurityPolicyViolationEvent).effectiveDirective), {
      once: true,
    });
    void fetch(url).then(
      () => resolve('nothing'),
      () => undefined,
    );
  });

it('looks a model up, downloads it from where a cut left it, and trains it', async () => {
  const world = await openWorld(browser, 'wasm');
  const { page, person } = world;
  await person.useHub(hub.address);
  const answered = await page.evaluate((url) => fetch(url).then(() => 'answered', String), `${hub.address}/api/models`);
  expect(answered).toContain('TypeError');
  expect(page.frames().length).toBe(1);
  expect(hub.came).toEqual([]);

  const card = await person.lookUp(ID, MINUTE);
  await expect
    .poll(() => card.textContent(), { timeout: MINUTE })
    .toMatch(/3\.15 M parameters.*Apache 2\.0.*Training needs .* MB, fits/);
  for (const url of ['https://elsewhere.invalid/', page.url()]) {
    expect(await page.frames().at(-1)?.evaluate(refusedBy, url)).toBe('connect-src');
  }
  Object.assign(hub.faults, { cutAfter: 1_000_000, cuts: 1, drip: 100_000, dripMs: 20 });
  await person.downloadModel(ID, MINUTE);
  const ranges = hub.came.filter(({ server, path }) => server === 'store' && path.includes('model.safetensors'));
  expect(ranges.at(-1)?.range).toMatch(/^bytes=\d{6,}-/);

  const stage = await person.openTab('Model', 'On this device');
  await stage.getByRole('button', { name: `Check ${ID}` }).click();
  await expect.poll(() => stage.getByRole('status').textContent()).toContain(`every byte is that of ${ID}`);
  await chooseQuick(world, { maxSteps: 2, evalEvery: 2 });
  expect((await trainToEnd(world)).steps).toBe(2);
});

it('says what failed, and goes on at Retry; a cancelled download leaves nothing', async () => {
  const { page, person } = await openWorld(browser, 'wasm');
  await person.useHub(hub.address);
  const card = await person.lookUp(ID, MINUTE);
  hub.faults.gated = 'gated';
  await card.getByRole('button', { name: 'Download' }).click();
  const download = page.getByRole('region', { name: 'Download' });
  await expect.poll(() => download.getByRole('alert').textContent()).toMatch(/is gated: its owner asks you to accept conditions/);
  Object.assign(hub.faults, { gated: 'no', drip: 50_000, dripMs: 500 });
  await download.getByRole('button', { name: 'Retry' }).click();
  await download.getByRole('button', { name: 'Pause' }).click();
  await download.getByRole('button', { name: 'Resume' }).click();
  await download.getByRole('button', { name: 'Cancel and delete' }).click();
  await download.waitFor({ state: 'detached' });
  const stage = await person.openTab('Model', 'On this device');
  await expect.poll(() => stage.textContent()).toContain('No model is kept in this browser yet');
});
