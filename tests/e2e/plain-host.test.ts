/** A static host that sends no headers of its own: without isolation there is no shared memory, and the processor trains on one thread. */

import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { chooseQuick, launchBrowser, openWorld, trainToEnd } from './world';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

/** Starts a proxy of the served page that passes on the types of files alone. Returns its address. */
async function plainHost(): Promise<string> {
  const server = createServer((incoming, response) => {
    const onward = request(new URL(incoming.url ?? '/', inject('pageUrl')), (answer) => {
      response.writeHead(answer.statusCode ?? 502, { 'content-type': answer.headers['content-type'] ?? 'text/plain' });
      answer.pipe(response);
    });
    onward.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close().closeAllConnections();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}/`;
}

const hosts = [
  { host: 'a plain static host', address: plainHost, isolated: false, threads: /^Processor, 1 thread, / },
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
