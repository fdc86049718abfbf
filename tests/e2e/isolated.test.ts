/** A host that makes the page cross-origin isolated: tfjs would use threads there, which the page's policy forbids. */

import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { chooseQuick, launchBrowser, openWorld, trainToEnd } from './world';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** Starts a proxy of the served page that adds the isolating headers. Returns its address. */
async function isolatingHost(): Promise<string> {
  const server = createServer((incoming, response) => {
    const onward = request(new URL(incoming.url ?? '/', inject('pageUrl')), (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...ISOLATION });
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

it('trains on the CPU where the page is cross-origin isolated', async () => {
  const world = await openWorld(browser, 'wasm', {}, await isolatingHost());
  expect(await world.page.evaluate(() => crossOriginIsolated)).toBe(true);
  await chooseQuick(world, { maxSteps: 2, evalEvery: 2, heldOutRatio: 0.02 });
  expect((await trainToEnd(world)).steps).toBe(2);
});
