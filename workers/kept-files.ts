/** The files of one version of the page in the browser's cache. */

import { messageOf } from '../src/core/errors';
import { cacheName, keptBytes, keyOf, type PageFile } from '../src/core/offline';

export class KeptFiles {
  readonly #files: ReadonlyMap<string, PageFile>;
  readonly #scope: string;
  readonly #headersOf: (url: string) => Readonly<Record<string, string>>;

  /** The headers of a file are added to each answer with it. */
  constructor(files: readonly PageFile[], scope: string, headersOf: (url: string) => Readonly<Record<string, string>>) {
    this.#files = new Map(files.map((file) => [file.url, file]));
    this.#scope = scope;
    this.#headersOf = headersOf;
  }

  /** The file at an address, whatever its query; undefined when this version has none. */
  find(address: string): PageFile | undefined {
    const { origin, pathname } = new URL(address);
    const path = origin + pathname;
    if (!path.startsWith(this.#scope)) return undefined;
    return this.#files.get(path.slice(this.#scope.length) || 'index.html');
  }

  /** Fetches the files that are not kept yet. Throws when one fails; the others stay for the next attempt. */
  async keep(): Promise<void> {
    const cache = await caches.open(cacheName(this.#scope));
    const keep = async (file: PageFile): Promise<void> => {
      const key = keyOf(file, this.#scope);
      if ((await cache.match(key)) === undefined) await cache.put(key, await this.#fetch(file));
    };
    await Promise.all([...this.#files.values()].map(keep));
  }

  /** Deletes the files of other versions. */
  async clean(): Promise<void> {
    const cache = await caches.open(cacheName(this.#scope));
    const own = new Set([...this.#files.values()].map((file) => keyOf(file, this.#scope)));
    const others = (await cache.keys()).filter(({ url }) => !own.has(url));
    await Promise.all(others.map((request) => cache.delete(request)));
  }

  /** The answer to a request for `file`: the kept one, else that of the host, which must be the same. */
  async answer(file: PageFile, request: Request): Promise<Response> {
    const kept = await caches.match(keyOf(file, this.#scope), { cacheName: cacheName(this.#scope) });
    if (kept !== undefined) return this.#dressed(file, kept);
    // Keeping was stopped while the page is open: the host may have another version.
    if ((await keptBytes(this.#scope)) === 0) return fetch(request);
    return this.#dressed(file, await this.#fetch(file));
  }

  async #fetch(file: PageFile): Promise<Response> {
    const { url, integrity } = file;
    const response = await fetch(this.#scope + url, { cache: 'no-cache', integrity }).catch((error: unknown) => {
      throw new Error(`${url} could not be fetched, or is not the file of this version (${messageOf(error)})`);
    });
    // A new response: that of the host may be compressed or redirected, and its headers are not ours.
    const type = response.headers.get('content-type') ?? 'application/octet-stream';
    return new Response(await response.blob(), { headers: { 'Content-Type': type } });
  }

  #dressed({ url }: PageFile, kept: Response): Response {
    const type = kept.headers.get('content-type') ?? '';
    return new Response(kept.body, { headers: { 'Content-Type': type, ...this.#headersOf(url) } });
  }
}
