/** What the page and its service worker agree on. `scope` is the address of the folder that the page is served from. */

/** The scope of the page at `address`. */
export const scopeOf = (address: string): string => new URL('.', address).href;

/** The script of the service worker, beside the page. */
export const SERVICE_SCRIPT = 'service.worker.js';

/** The file by which the host allows that the page is kept in browsers, beside the page. */
export const HOST_FILE = 'service.json';

/** The message to a waiting service worker that makes it the active one. */
export const TAKE_OVER = 'take over';

/** A message of a service worker that could not keep the page. */
export interface KeepingFailed {
  readonly keepingFailed: string;
}

/** A file of the page: its address below the scope, its hash as in the `integrity` of a script, and its size. */
export interface PageFile {
  readonly url: string;
  readonly integrity: string;
  readonly bytes: number;
}

/** The cache with the files of the page. */
export const cacheName = (scope: string): string => `finetab ${scope}`;

/** The lock that every open page shares which can offer a new version. */
export const pageLock = (scope: string): string => `finetab page ${scope}`;

/** The key of a file in the cache. It names the content, so that versions share the files that they have in common. */
export function keyOf({ url, integrity, bytes }: PageFile, scope: string): string {
  return `${scope}${url}?${new URLSearchParams({ integrity, bytes: String(bytes) }).toString()}`;
}

/** Bytes of all files that are kept, of the open version and of one that waits. */
export async function keptBytes(scope: string): Promise<number> {
  if (!(await caches.has(cacheName(scope)))) return 0;
  const keys = await (await caches.open(cacheName(scope))).keys();
  return keys.reduce((sum, { url }) => sum + Number(new URL(url).searchParams.get('bytes')), 0);
}

/** Deletes all that is kept, and ends the registration: the next request goes to the host. */
export async function stopKeeping(scope: string, registration: ServiceWorkerRegistration | undefined): Promise<void> {
  await caches.delete(cacheName(scope));
  await registration?.unregister();
}

/**
 * Whether the host allows that the page is kept: `unknown` when it does not answer, or fails. A host without the file, or with
 * another one in its place, is no longer a host of Finetab.
 */
export async function askHost(scope: string): Promise<'allowed' | 'withdrawn' | 'unknown'> {
  try {
    const response = await fetch(`${scope}${HOST_FILE}`, { cache: 'no-store', redirect: 'error' });
    if (response.ok) return allows(await response.text()) ? 'allowed' : 'withdrawn';
    return response.status === 404 || response.status === 410 ? 'withdrawn' : 'unknown';
  } catch {
    return 'unknown';
  }
}

function allows(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'offline' in value && value.offline === true;
  } catch {
    return false;
  }
}
