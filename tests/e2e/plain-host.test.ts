/** A static host that sends no headers of its own, before the service worker adds them: without isolation there is no shared memory, and the processor trains on one thread. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { plainHost } from './plain-host';
import { chooseQuick, launchBrowser, openWorld, trainToEnd } from './world';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

const hosts = [
  {
    host: 'a plain static host',
    address: async () => (await plainHost()).url,
    isolated: false,
    threads: /^Processor, 1 thread, /,
  },
  {
    host: 'the preview',
    address: () => Promise.resolve(inject('pageUrl')),
    isolated: true,
    threads: /^Processor, \d+ threads, /,
  },
];

it.each(hosts)('trains on the processor from $host', async ({ address, isolated, threads }) => {
  const world = await openWorld(browser, 'wasm', {}, await address());
  expect(await world.page.evaluate(() => crossOriginIsolated)).toBe(isolated);
  await chooseQuick(world, { maxSteps: 2, evalEvery: 2, heldOutRatio: 0.02 });
  expect((await trainToEnd(world)).steps).toBe(2);
  expect(world.recorder.events.find(({ event }) => event === 'ready')).toMatchObject({
    backend: 'wasm',
    adapter: expect.stringMatching(threads) as string,
  });
});
