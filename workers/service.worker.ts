/**
 * The service worker: keeps all files of one version of the page, so that the page opens and trains without a network, and serves
 * them with the headers that isolate the page and set its policy.
 *
 * A page gets files of one version only. A new version waits until the user takes it, or no page is open that could offer it; a page
 * that does not start is thus replaced when it is reloaded. Nothing is kept against the will of the host: see `askHost`.
 */

import address from '../address.html?raw';
import hub from '../hub.html?raw';
import page from '../index.html?raw';
import mirror from '../mirror.html?raw';
import { messageOf } from '../src/core/errors';
import { pageHeaders } from '../src/core/headers';
import { askHost, pageLock, stopKeeping, TAKE_OVER, type KeepingFailed, type PageFile } from '../src/core/offline';
import { KeptFiles } from './kept-files';

/** The build puts the files of the page in place of the manifest. */
declare const self: ServiceWorkerGlobalScope & { readonly __WB_MANIFEST: readonly PageFile[] };

/** Opening the page waits no longer than this for the host. A later answer counts when the page is opened next. */
const HOST_PATIENCE_MS = 1000;

const { registration } = self;
const { scope } = registration;
const headersOf = pageHeaders({ 'index.html': page, 'hub.html': hub, 'mirror.html': mirror, 'address.html': address });
const files = new KeptFiles(self.__WB_MANIFEST, scope, headersOf);

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('message', ({ data }) => {
  if (data === TAKE_OVER) void self.skipWaiting();
});
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const file = request.method === 'GET' ? files.find(request.url) : undefined;
  if (file === undefined) return;
  event.respondWith(request.mode === 'navigate' ? open(event, file) : files.answer(file, request));
});

async function install(): Promise<void> {
  try {
    await files.keep();
  } catch (error) {
    const message: KeepingFailed = { keepingFailed: messageOf(error) };
    for (const client of await self.clients.matchAll({ includeUncontrolled: true })) client.postMessage(message);
    throw error;
  }
}

async function activate(): Promise<void> {
  await files.clean();
  await self.clients.claim();
}

/** The answer to a request for a document: that of the host if it has withdrawn this version. */
async function open(event: FetchEvent, file: PageFile): Promise<Response> {
  const withdrawn = stopIfWithdrawn();
  event.waitUntil(withdrawn);
  if (await Promise.race([withdrawn, patience()])) return fetch(event.request);
  return (await handOver())
    ? new Response(AGAIN, { headers: { 'Content-Type': 'text/html' } })
    : files.answer(file, event.request);
}

async function stopIfWithdrawn(): Promise<boolean> {
  const withdrawn = (await askHost(scope)) === 'withdrawn';
  if (withdrawn) await stopKeeping(scope, registration);
  return withdrawn;
}

const patience = (): Promise<false> => new Promise((resolve) => setTimeout(() => resolve(false), HOST_PATIENCE_MS));

/** Each version hands over once, so that one that can't be activated is not waited for again and again. */
let handedOver = false;

/** Lets a version that waits become the active one if no open page could offer it. */
async function handOver(): Promise<boolean> {
  const { waiting } = registration;
  if (waiting === null || handedOver || (await isOffered())) return false;
  handedOver = true;
  waiting.postMessage(TAKE_OVER);
  return true;
}

async function isOffered(): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name === pageLock(scope));
}

/**
 * A document that opens its address again when the new version is active, which is after this request has been answered. By script:
 * Chrome ignores the header `Refresh` at an address with a fragment. The timer is for an event that came before the script.
 */
const AGAIN = `<!doctype html><script>
const again = () => location.reload();
navigator.serviceWorker.oncontrollerchange = again;
setTimeout(again, 2000);
</script>`;
