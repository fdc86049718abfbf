/** The storage panel on the browser's own figures, and the notice of the page where nothing is kept. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { app } from '../../src/state/app.svelte';
import { offline } from '../../src/state/offline.svelte';
import { space } from '../../src/state/space.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import { RELOAD_NOTICE } from '../../src/ui/names';
import ServiceNotice from '../../src/ui/storage/ServiceNotice.svelte';
import StoragePanel from '../../src/ui/storage/StoragePanel.svelte';
import { violationsIn } from './accessibility';

let mounted: Record<string, unknown>[] = [];

beforeEach(() => {
  mounted = [StoragePanel, ServiceNotice].map((component) => mount(component, { target: document.body }));
});
afterEach(() => mounted.forEach((component) => void unmount(component)));

it('shows what is stored, and has no violation', async () => {
  await expect.element(page.getByText(/^[\d.]+ \w+ of [\d.]+ [MGT]B$/)).toBeVisible();
  await expect.element(page.getByText(/^The browser may delete all of it/)).toBeVisible();
  expect(await violationsIn(document.body)).toEqual([]);
});

it('shows the answer of the browser once it was asked, as it is', async () => {
  await space.protect();
  const kept = await navigator.storage.persisted();
  expect(space.protection).toBe(kept ? 'granted' : 'refused');
  await expect.element(page.getByText(kept ? /keeps all of it/ : /was asked to keep all of it, and refused/)).toBeVisible();
});

it('says what a deletion freed', async () => {
  await space.release(12_300_000);
  await expect.element(page.getByText('The last deletion freed 12.3 MB.')).toBeVisible();
});

it('keeps nothing from the development server, which has no service worker', async () => {
  await expect.element(page.getByText('The host of this page does not offer it for offline use.')).toBeVisible();
  expect(offline.keeping).toBe('forbidden');
  expect(await navigator.serviceWorker.getRegistrations()).toEqual([]);
  await expect.element(page.getByRole('region', { name: RELOAD_NOTICE })).not.toBeInTheDocument();
  expect(app.announcement).toBe('');
});
