/**
 * The hub's API: information, list of files, search, and ranges of files. Commit, sizes and hashes come from the list, because a script
 * can't read the headers of a redirect; every address of a file is pinned to the commit. Nothing is asked before a method is called.
 */

import { growingHash } from '../core/hash';
import { readFile, readHit, readInfo } from './answers';
import { HUGGING_FACE, type ModelRef } from '../core/hub';
import { PATIENCE, persist, reasonOf, type Patience } from './patience';
import { badAnswer, changed, cut, isPage, refusalOf, tooSlow, unreachable, wrongHash, type Asked } from './refusals';
import type { Hit, HubFile, RepoInfo } from './types';

export interface ClientOptions {
  /** Origin of the hub. */
  readonly hub?: string;
  /** Sent to the hub's own origin only; kept in memory. */
  readonly token?: string | null;
  readonly patience?: Patience;
}

/** A file of a model at a commit. */
export interface FileRef {
  readonly id: string;
  readonly commit: string;
  readonly file: HubFile;
}

/** Pages of a list that are read at most: a hub that links in circles ends there. */
const MAX_PAGES = 200;
const MAX_TEXT = 100_000_000;
const HITS = 20;

export class HubClient {
  readonly hub: string;
  readonly patience: Patience;
  readonly #token: string | null;

  constructor({ hub = HUGGING_FACE, token = null, patience = PATIENCE }: ClientOptions = {}) {
    this.hub = hub;
    this.patience = patience;
    this.#token = token;
  }

  /** Names the model's commit. */
  async info({ id, revision }: ModelRef, signal?: AbortSignal): Promise<RepoInfo> {
    const asked = this.#asked(id, { revision });
    const path = revision === null ? '' : `/revision/${encodeURIComponent(revision)}`;
    const { value } = await this.#json(`${this.hub}/api/models/${id}${path}`, asked, signal);
    return readInfo(value, asked);
  }

  /** The files at the top of the model's folder. */
  async files({ id, commit }: Pick<RepoInfo, 'id' | 'commit'>, signal?: AbortSignal): Promise<readonly HubFile[]> {
    const asked = this.#asked(id, { revision: commit });
    const files: HubFile[] = [];
    let next: string | null = `${this.hub}/api/models/${id}/tree/${commit}`;
    for (let page = 0; next !== null; page++) {
      if (page === MAX_PAGES) throw badAnswer(asked, `more than ${MAX_PAGES} pages`);
      const { value, link }: Page = await this.#json(next, asked, signal);
      if (!Array.isArray(value)) throw badAnswer(asked, 'not a list of files');
      files.push(...value.flatMap((entry) => readFile(entry, asked)));
      next = nextPage(link, next);
    }
    return files;
  }

  /** Models whose names contain the words, the most downloaded first. Only those with safetensors weights. */
  async search(words: string, signal?: AbortSignal): Promise<readonly Hit[]> {
    const query = new URLSearchParams({
      search: words,
      filter: 'safetensors',
      sort: 'downloads',
      direction: '-1',
      limit: String(HITS),
    });
    const asked = this.#asked(null, {});
    const { value } = await this.#json(`${this.hub}/api/models?${query.toString()}`, asked, signal);
    if (!Array.isArray(value)) throw badAnswer(asked, 'not a list of models');
    return value.flatMap(readHit);
  }

  /** The text of a file, whose hash is checked. */
  async text(ref: FileRef, signal?: AbortSignal): Promise<string> {
    const { file } = ref;
    const asked = this.#askedFile(ref);
    if (file.size > MAX_TEXT) throw badAnswer(asked, `${file.size} bytes`);
    const bytes = await persist(this.patience, signal, () => this.bytes(ref, 0, file.size, signal));
    const hash = growingHash(file.hash.kind, file.size);
    hash.update(bytes);
    const found = hash.digest();
    if (found !== file.hash.value) throw wrongHash(asked, HASH_NAMES[file.hash.kind], file.hash.value, found);
    return new TextDecoder().decode(bytes);
  }

  /** Bytes `from` to `to` of a file. */
  async bytes(ref: FileRef, from: number, to: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(to - from);
    let at = 0;
    const enough = new AbortController();
    const both = signal === undefined ? enough.signal : AbortSignal.any([signal, enough.signal]);
    for await (const part of this.stream(ref, from, to, both)) {
      const taken = part.subarray(0, bytes.length - at);
      bytes.set(taken, at);
      at += taken.length;
      if (at === bytes.length) break;
    }
    enough.abort();
    if (at < bytes.length) throw cut(this.#askedFile(ref));
    return bytes;
  }

  /**
   * The parts of a file from byte `from` to byte `to`, as they come. Each call starts at the hub again, because the addresses that it
   * redirects to expire. Throws `hub/changed` when the file has another size than it should, `hub/cut` when it ends early.
   */
  async *stream(ref: FileRef, from: number, to: number, signal?: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    if (from >= to) return;
    const asked = this.#askedFile(ref);
    const { id, commit, file } = ref;
    const call = new Call(this.patience, asked, signal);
    try {
      const whole = from === 0 && to === file.size;
      const url = `${this.hub}/${id}/resolve/${commit}/${file.path.split('/').map(encodeURIComponent).join('/')}`;
      const response = await call.fetch(url, { ...this.#signed(), ...(!whole && { Range: `bytes=${from}-${to - 1}` }) });
      if (isHtml(response)) throw isPage(asked);
      const skip = skipped(response, from, file.size, asked);
      yield* call.parts(response, skip, to - from);
    } finally {
      call.end();
    }
  }

  async #json(url: string, asked: Asked, signal: AbortSignal | undefined): Promise<Page> {
    return persist({ ...this.patience, attempts: Math.min(3, this.patience.attempts) }, signal, async () => {
      const call = new Call(this.patience, asked, signal);
      try {
        const response = await call.fetch(url, this.#signed());
        if (isHtml(response)) throw isPage(asked);
        return { value: parsed(await call.text(response), asked), link: response.headers.get('link') };
      } finally {
        call.end();
      }
    });
  }

  #signed(): Record<string, string> {
    return this.#token === null ? {} : { Authorization: `Bearer ${this.#token}` };
  }

  #asked(id: string | null, more: Pick<Asked, 'revision' | 'file'>): Asked {
    return { hub: this.hub, id, signedIn: this.#token !== null, ...more };
  }

  #askedFile({ id, commit, file }: FileRef): Asked {
    return this.#asked(id, { revision: commit, file: file.path });
  }
}

/** Names of the hashes, for messages. */
export const HASH_NAMES = { sha256: 'SHA-256', git: 'git blob id' } as const;

interface Page {
  readonly value: unknown;
  /** The header `Link`. */
  readonly link: string | null;
}

/** One request: it ends when the user stops it, or when nothing comes for a while. */
class Call {
  readonly #patience: Patience;
  readonly #asked: Asked;
  readonly #signal: AbortSignal | undefined;
  readonly #own = new AbortController();
  readonly #stop = (): void => this.#own.abort(reasonOf(this.#signal));

  constructor(patience: Patience, asked: Asked, signal: AbortSignal | undefined) {
    this.#patience = patience;
    this.#asked = asked;
    this.#signal = signal;
    if (signal?.aborted === true) throw reasonOf(signal);
    signal?.addEventListener('abort', this.#stop, { once: true });
  }

  end(): void {
    this.#signal?.removeEventListener('abort', this.#stop);
    this.#own.abort();
  }

  async fetch(url: string, headers: Record<string, string>): Promise<Response> {
    const options: RequestInit = {
      headers,
      signal: this.#own.signal,
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
    };
    const response = await this.#soon(
      fetch(url, options).catch((error: unknown) => {
        throw this.#own.signal.aborted ? reasonOf(this.#own.signal) : unreachable(this.#asked, error);
      }),
    );
    if (!response.ok) throw await this.#soon(refusalOf(response, this.#asked));
    return response;
  }

  async text(response: Response): Promise<string> {
    return this.#soon(response.text().catch((error: unknown) => this.#broken(error)));
  }

  /** The body without its first `skip` bytes, at most `length` bytes of it. */
  async *parts(response: Response, skip: number, length: number): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    const reader = response.body?.getReader();
    if (reader === undefined) throw cut(this.#asked);
    const drip = new Drip(this.#patience);
    for (let at = -skip; at < length;) {
      const { value, done } = await this.#soon(reader.read().catch((error: unknown) => this.#broken(error)));
      if (done) throw cut(this.#asked);
      if (drip.isTooSlow(value.length)) throw tooSlow(this.#asked, Math.round(this.#patience.dripMs / 1000));
      const part = value.subarray(Math.max(0, -at), length - at);
      at += value.length;
      if (part.length > 0) yield part;
    }
  }

  #broken(error: unknown): never {
    throw this.#own.signal.aborted ? reasonOf(this.#own.signal) : cut(this.#asked, error);
  }

  /** Rejects with `hub/slow` when the promise takes too long. */
  async #soon<T>(promise: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const { silenceMs } = this.#patience;
      timer = setTimeout(() => reject(tooSlow(this.#asked, Math.round(silenceMs / 1000))), silenceMs);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Notices a file that comes, but hardly. */
class Drip {
  readonly #patience: Patience;
  #since = Date.now();
  #bytes = 0;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  isTooSlow(bytes: number): boolean {
    this.#bytes += bytes;
    const now = Date.now();
    if (now - this.#since < this.#patience.dripMs) return false;
    const slow = this.#bytes < this.#patience.dripBytes;
    this.#since = now;
    this.#bytes = 0;
    return slow;
  }
}

const isHtml = ({ headers }: Response): boolean => headers.get('content-type')?.startsWith('text/html') ?? false;

/**
 * Bytes at the start of the body that come before `from`: hubs may ignore a range and send the whole file. Throws `hub/changed` when the
 * answer shows another size than `size`.
 */
function skipped(response: Response, from: number, size: number, asked: Asked): number {
  if (response.status !== 206) {
    const length = response.headers.get('content-length');
    // A compressed body has another length than the file.
    if (length !== null && !response.headers.has('content-encoding') && Number(length) !== size)
      throw changed(asked, size, Number(length));
    return from;
  }
  const range = response.headers.get('content-range');
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? '') ?? [];
  if (start === undefined || Number(start) !== from) throw badAnswer(asked, `the range ${range ?? 'is missing'}`);
  if (total !== '*' && Number(total) !== size) throw changed(asked, size, Number(total));
  return 0;
}

function parsed(text: string, asked: Asked): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw badAnswer(asked, 'not JSON');
  }
}

/** The next page of a list at the hub's own origin; null at the last one. */
function nextPage(link: string | null, present: string): string | null {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1];
  if (target === undefined) return null;
  const next = new URL(target, present);
  if (next.origin === new URL(present).origin) return next.href;
  // A mirror may pass on the links of the hub that it copies: the path is the same there.
  return new URL(next.pathname + next.search, present).href;
}
