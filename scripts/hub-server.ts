/**
 * A local hub: speaks the API of the Hugging Face Hub for models in folders of the disk, with the redirects, headers and failures that
 * were seen of it. Large files are answered by a redirect to a signed address of a second server, which expires.
 *
 * `npx tsx scripts/hub-server.ts owner/name=FOLDER … [--port N]` serves models until it is stopped.
 */

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, createReadStream, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** A file of a model: bytes on the disk, or `size` zeros for tests of large ones. */
interface ServedFile {
  readonly path: string;
  readonly size: number;
  /** Path on the disk; null for zeros. */
  readonly from: string | null;
  readonly large: boolean;
  /** SHA-256 of large files, the git blob id of the others. */
  readonly oid: string;
}

export interface ServedModel {
  readonly files: readonly ServedFile[];
  readonly commit: string;
  readonly tags: readonly string[];
}

/** Failures that a test switches on. Those with a number hold for so many requests of files. */
export interface Faults {
  /** `denied`: the account has no access. */
  gated: 'no' | 'gated' | 'denied';
  disabled: boolean;
  /** Each request is answered with this status. */
  status: number | null;
  /** Requests of files that are answered with 429 before they succeed. */
  busy: number;
  /** Requests of files that are answered with 503 before they succeed. */
  failing: number;
  /** Answers with a web page, as the sign-in page of a network does. */
  html: boolean;
  /** The connection is cut after so many bytes of a large file; `cuts` times. */
  cutAfter: number;
  cuts: number;
  /** The bytes of large files are wrong. */
  damaged: boolean;
  /** Large files have another size than the list says. */
  changed: boolean;
  /** Refuses ranges that do not begin at 0. */
  noRange: boolean;
  /** Answers with the whole file whatever range is asked for. */
  ignoresRange: boolean;
  /** Bytes of a drip, every `dripMs`; 0 sends at once. */
  drip: number;
  dripMs: number;
  /** Never answers. */
  silent: boolean;
  /** No header allows a web page of another origin to read the answer. */
  noCors: boolean;
  /** Milliseconds until signed addresses expire. */
  expiresMs: number;
  /** Signed addresses are refused so many times, as expired ones are. */
  expired: number;
  /** Files on a page of the list. */
  pageSize: number;
}

const NO_FAULTS: Faults = {
  ...{ gated: 'no', disabled: false, status: null, busy: 0, failing: 0, html: false, cutAfter: 0, cuts: 0, damaged: false },
  ...{ changed: false, noRange: false, ignoresRange: false, drip: 0, dripMs: 50, silent: false, noCors: false },
  ...{ expiresMs: 3_600_000, expired: 0, pageSize: 1000 },
};

/** Files of this size or more are stored as large ones. */
const LARGE = 1_000_000;
const TOKEN = 'hf_good';

const EXPOSED =
  'X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash';

/** A request that came: its path, and the range that it asked for. */
export interface Came {
  readonly server: 'hub' | 'store';
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

export interface LocalHub {
  readonly address: string;
  readonly faults: Faults;
  readonly came: Came[];
  /** Puts all faults back, and forgets the requests. */
  readonly reset: () => void;
  readonly close: () => Promise<void>;
}

/** The model in a folder of the disk. `large`: the files that are stored as large ones, by name. */
export function modelIn(
  folder: string,
  tags: readonly string[] = [],
  large: (name: string, size: number) => boolean = isLarge,
): ServedModel {
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => servedFile(join(folder, name), name, large(name, statSync(join(folder, name)).size)));
  return { files, commit: commitOf(files), tags };
}

const isLarge = (_: string, size: number): boolean => size >= LARGE;

/** The model with a file of `size` zeros more. */
export function withZeros(model: ServedModel, path: string, size: number): ServedModel {
  const files = [
    ...model.files.filter((file) => file.path !== path),
    { path, size, from: null, large: true, oid: zerosHash(size) },
  ];
  return { ...model, files, commit: commitOf(files) };
}

function servedFile(from: string, path: string, large: boolean): ServedFile {
  const { size } = statSync(from);
  const hash = large ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
  for (const part of partsOnDisk(from)) hash.update(part);
  return { path, size, from, large, oid: hash.digest('hex') };
}

function* partsOnDisk(path: string): Generator<Buffer> {
  const file = openSync(path, 'r');
  const buffer = Buffer.alloc(1 << 20);
  try {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) yield buffer.subarray(0, read);
  } finally {
    closeSync(file);
  }
}

function zerosHash(size: number): string {
  const hash = createHash('sha256');
  const zeros = Buffer.alloc(1 << 20);
  for (let at = 0; at < size; at += zeros.length) hash.update(zeros.subarray(0, Math.min(zeros.length, size - at)));
  return hash.digest('hex');
}

const commitOf = (files: readonly ServedFile[]): string =>
  createHash('sha1')
    .update(files.map(({ path, oid }) => `${path} ${oid}`).join('\n'))
    .digest('hex');

/** Serves models by their ids on two free ports of this machine. */
export async function openHub(models: Readonly<Record<string, ServedModel>>, port = 0): Promise<LocalHub> {
  const hub = new Hub(models);
  const servers = [createServer((...of) => hub.answer(...of)), createServer((...of) => hub.answerStore(...of))] as const;
  const [own, store] = await Promise.all([listen(servers[0], port), listen(servers[1], 0)]);
  hub.addresses = { own, store };
  return {
    address: own,
    faults: hub.faults,
    came: hub.came,
    reset: () => hub.reset(),
    close: async () => {
      await Promise.all(servers.map(stop));
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return `http://127.0.0.1:${address.port}`;
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((done) => server.close(() => done()));
}

class Hub {
  readonly #models: Readonly<Record<string, ServedModel>>;
  readonly #secret = randomBytes(8).toString('hex');
  readonly faults: Faults = { ...NO_FAULTS };
  readonly came: Came[] = [];
  addresses = { own: '', store: '' };

  constructor(models: Readonly<Record<string, ServedModel>>) {
    this.#models = models;
  }

  reset(): void {
    Object.assign(this.faults, NO_FAULTS);
    this.came.length = 0;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const url = this.#receive('hub', request, response);
    if (url === null) return;
    const refused = this.#refused(request, response);
    if (refused) return;
    const path = decodeURIComponent(url.pathname);
    if (path === '/api/models') this.#search(url, response);
    else if (path.startsWith('/api/models/')) this.#describe(path.slice('/api/models/'.length), url, response);
    else this.#resolve(path.slice(1), response);
  }

  answerStore(request: IncomingMessage, response: ServerResponse): void {
    const url = this.#receive('store', request, response);
    if (url === null) return;
    const [id = '', path = ''] = url.pathname.slice(1).split('/-/').map(decodeURIComponent);
    const file = this.#models[id]?.files.find((one) => one.path === path);
    const late = Number(url.searchParams.get('expires')) < Date.now() || take(this.faults, 'expired');
    if (file === undefined || url.searchParams.get('signature') !== this.#secret || late) {
      response
        .writeHead(403, { 'Content-Type': 'application/xml' })
        .end('<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>');
    } else this.#send(file, request, response);
  }

  /** Notes a request; null when it is answered already. */
  #receive(server: Came['server'], request: IncomingMessage, response: ServerResponse): URL | null {
    const { origin, range, authorization } = request.headers;
    const url = new URL(request.url ?? '/', 'http://hub');
    if (origin !== undefined && !this.faults.noCors) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Access-Control-Expose-Headers', EXPOSED);
      response.setHeader('Vary', 'Origin');
    }
    if (request.method === 'OPTIONS') {
      response.setHeader('Access-Control-Allow-Headers', 'authorization, range');
      response.writeHead(204).end();
      return null;
    }
    this.came.push({ server, path: url.pathname + url.search, range: range ?? null, authorization: authorization ?? null });
    if (this.faults.silent) return null;
    if (!this.faults.html) return url;
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end('<!doctype html><title>Sign in</title>');
    return null;
  }

  /** Answers what holds for each request. */
  #refused({ headers }: IncomingMessage, response: ServerResponse): boolean {
    const { authorization } = headers;
    const { status, disabled } = this.faults;
    if (status !== null) fail(response, status, '', 'Something failed.');
    else if (authorization !== undefined && authorization !== `Bearer ${TOKEN}`)
      fail(response, 401, '', 'Invalid credentials in Authorization header');
    else if (disabled) fail(response, 403, '', 'Access to this resource is disabled.');
    else return false;
    return true;
  }

  #search(url: URL, response: ServerResponse): void {
    const words = (url.searchParams.get('search') ?? '').toLowerCase();
    const hits = Object.entries(this.#models).filter(([id]) => id.toLowerCase().includes(words));
    json(
      response,
      hits.map(([id, { tags }]) => ({ id, modelId: id, downloads: 1000, likes: 10, gated: this.#gated, private: false, tags })),
    );
  }

  get #gated(): false | 'auto' {
    return this.faults.gated === 'no' ? false : 'auto';
  }

  #describe(path: string, url: URL, response: ServerResponse): void {
    const [, id = '', rest = ''] = /^(.+?)(\/(?:tree|revision|refs).*)?$/.exec(path) ?? [];
    const model = this.#models[id];
    const [, kind = '', revision] = rest.split('/');
    if (model === undefined) fail(response, 401, '', 'Invalid username or password.');
    else if (kind === 'refs')
      json(response, { branches: [{ name: 'main', ref: 'refs/heads/main', targetCommit: model.commit }], tags: [] });
    else if (revision !== undefined && revision !== 'main' && revision !== model.commit)
      fail(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    else if (kind === 'tree') this.#tree(model, url, response);
    else
      json(response, {
        ...{ id, modelId: id, sha: model.commit, private: false, gated: this.#gated, disabled: false, tags: model.tags },
        siblings: model.files.map((file) => ({ rfilename: file.path })),
      });
  }

  #tree(model: ServedModel, url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const to = from + this.faults.pageSize;
    if (to < model.files.length) {
      const next = new URL(url.pathname, this.addresses.own);
      next.searchParams.set('cursor', String(to));
      response.setHeader('Link', `<${next.href}>; rel="next"`);
    }
    json(
      response,
      model.files.slice(from, to).map(({ path, size, oid, large }) =>
        large
          ? {
              type: 'file',
              oid: createHash('sha1').update(oid).digest('hex'),
              size,
              path,
              lfs: { oid, size, pointerSize: 134 },
            }
          : { type: 'file', oid, size, path },
      ),
    );
  }

  #resolve(path: string, response: ServerResponse): void {
    const [, id = '', revision = '', name = ''] = /^(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const model = this.#models[id];
    const file = model?.files.find((one) => one.path === name);
    if (model === undefined) fail(response, 401, '', 'Invalid username or password.');
    else if (this.faults.gated !== 'no') this.#refuseGated(response);
    else if (revision !== model.commit && revision !== 'main') fail(response, 404, 'RevisionNotFound', 'Invalid rev id');
    else if (file === undefined) fail(response, 404, 'EntryNotFound', 'Entry not found');
    else if (take(this.faults, 'busy')) fail(response, 429, '', 'Too many requests');
    else if (take(this.faults, 'failing')) fail(response, 503, '', 'Service unavailable');
    else this.#redirect(id, model.commit, file, response);
  }

  #redirect(id: string, commit: string, { path, large }: ServedFile, response: ServerResponse): void {
    const query = new URLSearchParams({ expires: String(Date.now() + this.faults.expiresMs), signature: this.#secret });
    const signed = `${this.addresses.store}/${encodeURIComponent(id)}/-/${encodeURIComponent(path)}?${query.toString()}`;
    response.writeHead(large ? 302 : 307, { Location: signed, 'X-Repo-Commit': commit }).end();
  }

  #refuseGated(response: ServerResponse): void {
    fail(response, this.faults.gated === 'denied' ? 403 : 401, 'GatedRepo', 'Access to model is restricted.');
  }

  #send(file: ServedFile, request: IncomingMessage, response: ServerResponse): void {
    const { changed, damaged, ignoresRange, noRange } = this.faults;
    const size = file.large && changed ? file.size + 1 : file.size;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const ranged = first !== undefined && !ignoresRange;
    const from = ranged ? Number(first) : 0;
    const to = ranged && last !== undefined && last !== '' ? Math.min(size, Number(last) + 1) : size;
    if (from >= size || (noRange && from > 0)) {
      response.setHeader('Content-Range', `bytes */${size}`);
      {
        fail(response, 416, '', 'Range not satisfiable');
        return;
      }
    }
    if (ranged) response.setHeader('Content-Range', `bytes ${from}-${to - 1}/${size}`);
    const etag = file.large ? createHash('sha256').update(file.oid).digest('hex') : file.oid;
    const type = file.large ? 'application/octet-stream' : 'text/plain; charset=utf-8';
    response.writeHead(ranged ? 206 : 200, {
      'Content-Length': to - from,
      ETag: `"${etag}"`,
      'Accept-Ranges': 'bytes',
      'Content-Type': type,
    });
    void this.#stream(file, from, to, response, file.large && damaged);
  }

  async #stream(file: ServedFile, from: number, to: number, response: ServerResponse, damaged: boolean): Promise<void> {
    const { drip, dripMs, cutAfter } = this.faults;
    const cuts = file.large && cutAfter > 0 && to - from > cutAfter && take(this.faults, 'cuts');
    const closed = once(response, 'close');
    let sent = 0;
    for await (const bytes of partsOf(file, from, Math.min(to, file.size), drip)) {
      const part = damaged ? Buffer.from(bytes.map((byte) => byte ^ 1)) : bytes;
      const kept = cuts ? part.subarray(0, cutAfter - sent) : part;
      sent += kept.length;
      if (response.destroyed) return;
      if (!response.write(kept)) await Promise.race([once(response, 'drain'), closed]);
      if (cuts && sent >= cutAfter) {
        // What was written leaves first.
        setTimeout(() => response.destroy(), 20);
        return;
      }
      if (drip > 0) await new Promise((done) => setTimeout(done, dripMs));
    }
    if (to > file.size) response.write(Buffer.alloc(to - file.size));
    response.end();
  }
}

async function* partsOf(file: ServedFile, from: number, to: number, drip: number): AsyncGenerator<Buffer> {
  if (from >= to) return;
  const highWaterMark = drip > 0 ? drip : 256 * 1024;
  if (file.from !== null) {
    yield* createReadStream(file.from, { start: from, end: to - 1, highWaterMark }) as AsyncIterable<Buffer>;
    return;
  }
  const zeros = Buffer.alloc(highWaterMark);
  for (let at = from; at < to; at += zeros.length) yield zeros.subarray(0, Math.min(zeros.length, to - at));
}

/** Whether a counted fault applies once more. */
function take(faults: Faults, fault: 'busy' | 'failing' | 'cuts' | 'expired'): boolean {
  if (faults[fault] === 0) return false;
  faults[fault]--;
  return true;
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  const headers = {
    'Content-Type': 'application/json',
    'X-Error-Message': message,
    ...(code !== '' && { 'X-Error-Code': code }),
  };
  response.writeHead(status, headers).end(JSON.stringify({ error: message }));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { port: { type: 'string', default: '0' } } });
  const models = positionals.map((text) => {
    const [id = '', folder = ''] = text.split('=');
    return [id, modelIn(resolve(folder), ['safetensors'])] as const;
  });
  const { address } = await openHub(Object.fromEntries(models), Number(values.port));
  console.log(`The hub is ready on ${address} (Ctrl+C stops it)`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) void main();
