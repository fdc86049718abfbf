/** The page without a network, new versions of it, the switch that ends its service worker, and hosts that send no headers. */

import { createHash } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RELOAD_NOTICE } from '../../src/ui/names';
import { builtFile, plainHost, type PlainHost } from './plain-host';
import { chooseQuick, launchBrowser, openPage, openWorld, trainTo, trainToEnd, type World } from './world';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

/** Opens the page of a plain host in a new profile, and waits until all of it is kept. */
async function firstVisit(host: PlainHost): Promise<World> {
  const world = await openWorld(browser, 'wasm', { serviceWorkers: 'allow' }, host.url);
  await world.page.evaluate(() => navigator.serviceWorker.ready);
  return world;
}

/** Opens the page again and waits until it has a device. */
async function reopen({ page, recorder }: World): Promise<void> {
  const from = recorder.events.length;
  await page.reload();
  await recorder.next('ready', 60_000, from);
}

/** Evaluated in workers. */
const leave = (url: string): Promise<string> => fetch(url, { mode: 'no-cors' }).then(String, String);
const isolated = (page: Page): Promise<boolean> => page.evaluate(() => crossOriginIsolated);
const isRegistered = (page: Page): Promise<boolean> =>
  page.evaluate(async () => (await navigator.serviceWorker.getRegistration()) !== undefined);
/** Bytes of the files in the browser's cache. */
const kept = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const keys = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    return keys.flat().reduce((sum, { url }) => sum + Number(new URL(url).searchParams.get('bytes')), 0);
  });

/** The version that the page comes from: `publish` writes it into the document. */
const version = (page: Page): Promise<string | null> =>
  page.evaluate(() => document.querySelector('meta[name=version]')?.getAttribute('content') ?? null);

/** Puts a new version on the host, with another document. `text`: replaces the document. */
async function publish(host: PlainHost, name: string, text?: string): Promise<void> {
  const old = await builtFile('index.html');
  const page = text ?? old.toString().replace('<head>', `<head><meta name="version" content="${name}" />`);
  const hash = (content: string | Buffer): string => `sha256-${createHash('sha256').update(content).digest('base64')}`;
  const worker = (await builtFile('service.worker.js')).toString();
  expect(worker).toContain(hash(old));
  host.changed.set('index.html', page);
  host.changed.set('service.worker.js', worker.replace(hash(old), hash(page)));
}

async function lookForUpdate(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await (await navigator.serviceWorker.getRegistration())?.update();
  });
}

const notice = (page: Page) => page.getByRole('region', { name: RELOAD_NOTICE });
const reloadButton = (page: Page) => notice(page).getByRole('button', { name: 'Reload with it' });

it('opens and trains after the first visit without network and host, on all threads, and with the policy in workers', async () => {
  const host = await plainHost();
  const world = await firstVisit(host);
  expect(await isolated(world.page)).toBe(false);
  await expect.poll(() => notice(world.page).innerText()).toContain('After a reload, training uses all cores');
  await reopen(world);
  expect(await isolated(world.page)).toBe(true);
  const other = await plainHost();
  await world.person.takeSample('Support tickets');
  await world.recorder.next('data', 30_000);
  const workers = world.page.workers().filter((worker) => !worker.url().includes('kernel-thread'));
  expect(workers.length).toBe(3);
  for (const worker of workers) expect(await worker.evaluate(leave, other.url)).toMatch(/TypeError/);

  await world.context.setOffline(true);
  host.close();
  await reopen(world);
  await chooseQuick(world);
  const finished = await trainToEnd(world);
  expect(finished.steps).toBe(4);
  expect(finished.tunedLoss).toBeLessThan(finished.baseLoss ?? 0);
  expect(world.recorder.events.findLast(({ event }) => event === 'ready')).toMatchObject({
    adapter: expect.stringMatching(/^Processor, \d+ threads, /) as string,
  });
});

describe('a new version', () => {
  it('waits, is offered when no run is under way and no other tab is open, and is opened on demand', async () => {
    const host = await plainHost();
    const world = await firstVisit(host);
    const { page } = world;
    await reopen(world);
    expect(await notice(page).count()).toBe(0);
    await publish(host, 'second');
    await lookForUpdate(page);
    await expect.poll(() => reloadButton(page).isEnabled()).toBe(true);
    await chooseQuick(world, { maxSteps: 9000 });
    await trainTo(world, 1);
    expect(await reloadButton(page).isDisabled()).toBe(true);
    expect(await notice(page).innerText()).toContain('Possible when the run has ended.');
    await world.person.bar.getByRole('button', { name: 'Pause', exact: true }).click();
    await expect.poll(() => reloadButton(page).isEnabled()).toBe(true);

    const second = await openPage(world.context, 'wasm', host.url);
    expect(await version(second.page)).toBe(null);
    await reloadButton(page).click();
    await expect.poll(() => notice(page).innerText()).toContain('Close the other tab of Finetab first.');
    await second.page.close();

    const from = world.recorder.events.length;
    await reloadButton(page).click();
    await world.recorder.next('ready', 60_000, from);
    expect(await version(page)).toBe('second');
    expect(await notice(page).count()).toBe(0);
  });

  it('replaces one that does not start as soon as it is reloaded', async () => {
    const host = await plainHost();
    await publish(host, 'broken', '<!doctype html><title>Broken</title>');
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(host.url);
    await page.evaluate((script) => navigator.serviceWorker.register(script), 'service.worker.js');
    await page.evaluate(() => navigator.serviceWorker.ready);
    await publish(host, 'fixed');
    await lookForUpdate(page);
    await expect
      .poll(() => page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.waiting?.state))
      .toBe('installed');
    await page.goto(`${host.url}#model`);
    await page.reload({ waitUntil: 'commit' });
    await expect.poll(() => version(page)).toBe('fixed');
    expect(page.url()).toBe(`${host.url}#model`);
  });
});

describe('the switch of the host', () => {
  const off = JSON.stringify({ offline: false });

  it.each([
    { how: 'says so', content: off },
    { how: 'has no such file', content: null },
  ])('opens the page of the host at once, and ends the service worker, when the host $how', async ({ content }) => {
    const host = await plainHost();
    const { page } = await firstVisit(host);
    expect(await kept(page)).toBeGreaterThan(1e7);
    host.changed.set('service.json', content);
    host.changed.set('index.html', '<!doctype html><title>Replaced</title>');
    await page.reload();
    expect(await page.title()).toBe('Replaced');
    expect([await isRegistered(page), await kept(page)]).toEqual([false, 0]);
  });

  it('keeps nothing on a host that does not allow it, and says so', async () => {
    const host = await plainHost();
    host.changed.set('service.json', off);
    const { page } = await openWorld(browser, 'wasm', { serviceWorkers: 'allow' }, `${host.url}#runs`);
    await page.getByText('The host of this page does not offer it for offline use.').waitFor();
    expect([await isRegistered(page), await kept(page)]).toEqual([false, 0]);
  });
});

it('can be installed', async () => {
  const { page, context } = await firstVisit(await plainHost());
  const session = await context.newCDPSession(page);
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([]);
  expect((await session.send('Page.getAppManifest')).errors).toEqual([]);
});
