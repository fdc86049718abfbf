/** The client of a hub against a local one, with every failure that was seen of the real one: each ends in a sentence that says what to do, and Retry works. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { modelIn, openHub, withZeros, type Faults, type LocalHub, type ServedModel } from '../../scripts/hub-server';
import { codeOf, messageOf } from '../../src/core/errors';
import { growingHash, type GrowingHash } from '../../src/core/hash';
import { formatBytes } from '../../src/core/storage';
import { HubClient, type ClientOptions } from '../../src/hub/client';
import { download, type DownloadProgress, type DownloadStore, type GrowingFile } from '../../src/hub/download';
import type { Patience } from '../../src/hub/patience';
import { planModel } from '../../src/hub/plan';
import type { HubFile, HubPlan } from '../../src/hub/types';

const ID = 'someone/small';
const REF = { id: ID, revision: null };
const TOKEN = 'hf_good';
const QUICK: Patience = { silenceMs: 300, dripMs: 200, dripBytes: 5000, attempts: 3, waitMs: () => 5 };

/** The bytes, whose buffer is gone afterwards, as when they are sent to a worker. */
const taken = (part: Uint8Array<ArrayBuffer>): Uint8Array => structuredClone(part, { transfer: [part.buffer] });

/** Bytes in memory, as a store of a browser keeps them. */
class MemoryStore implements DownloadStore {
  readonly bytes = new Map<string, Buffer>();

  sizes(files: readonly HubFile[]): Promise<readonly number[]> {
    return Promise.resolve(files.map(({ path }) => this.bytes.get(path)?.length ?? 0));
  }

  open({ path, hash, size }: HubFile): Promise<GrowingFile> {
    const bytes = this.bytes;
    const there = (): Buffer => bytes.get(path) ?? Buffer.alloc(0);
    bytes.set(path, there());
    return Promise.resolve({
      get size() {
        return there().length;
      },
      append: (part) => Promise.resolve(void bytes.set(path, Buffer.concat([there(), taken(part)]))),
      restart: () => Promise.resolve(void bytes.set(path, Buffer.alloc(0))),
      digest: () => {
        const hashed = growingHash(hash.kind, size);
        hashed.update(there());
        return Promise.resolve(hashed.digest());
      },
      close: () => Promise.resolve(),
    });
  }
}

/** Counts and hashes bytes, and keeps none. */
class NoStore implements DownloadStore {
  sizes(files: readonly HubFile[]): Promise<readonly number[]> {
    return Promise.resolve(files.map(() => 0));
  }

  open({ hash, size }: HubFile): Promise<GrowingFile> {
    return Promise.resolve(new CountedFile(growingHash(hash.kind, size)));
  }
}

class CountedFile implements GrowingFile {
  readonly #hash: GrowingHash;
  size = 0;

  constructor(hash: GrowingHash) {
    this.#hash = hash;
  }

  append(part: Uint8Array): Promise<void> {
    this.size += part.length;
    this.#hash.update(part);
    return Promise.resolve();
  }

  restart(): Promise<void> {
    throw new Error('not expected');
  }

  digest(): Promise<string> {
    return Promise.resolve(this.#hash.digest());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

let folder: string;
let hub: LocalHub;
let model: ServedModel;

/** A safetensors file of one tensor with `size` bytes. */
function weights(size: number): Buffer {
  const header = Buffer.from(
    JSON.stringify({ 'model.norm.weight': { dtype: 'F32', shape: [size / 4], data_offsets: [0, size] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(size, 7)]);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'finetab-hub-'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type: 'llama' }));
  writeFileSync(join(folder, 'tokenizer.json'), '{}');
  writeFileSync(join(folder, 'generation_config.json'), '{}');
  writeFileSync(join(folder, 'README.md'), 'not needed');
  writeFileSync(join(folder, 'model.safetensors'), weights(1_500_000));
  model = modelIn(folder, ['safetensors', 'license:apache-2.0']);
  hub = await openHub({
    [ID]: model,
    'someone/bare': { ...model, files: model.files.filter(({ path }) => path !== 'model.safetensors') },
  });
});
beforeEach(() => hub.reset());
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});

const client = (options: ClientOptions = {}): HubClient => new HubClient({ hub: hub.address, patience: QUICK, ...options });

interface Failed {
  readonly code: string;
  readonly message: string;
}

const failed = (work: Promise<unknown>): Promise<Failed | 'done'> =>
  work.then(
    () => 'done' as const,
    (error: unknown) => ({ code: codeOf(error), message: messageOf(error) }),
  );

async function expectWhole(plan: HubPlan, store: MemoryStore): Promise<void> {
  await download(client(), plan, store);
  expect([...store.bytes.keys()].sort()).toEqual([
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'tokenizer.json',
  ]);
  expect(store.bytes.get('model.safetensors')?.equals(weights(1_500_000))).toBe(true);
}

describe('a plan', () => {
  it('reads the configuration and the header alone, pinned to the commit', async () => {
    const plan = await planModel(client(), REF);
    expect(plan).toMatchObject({
      id: ID,
      commit: model.commit,
      license: 'apache-2.0',
      gated: false,
      config: '{"model_type":"llama"}',
    });
    expect(plan.tensors).toEqual([{ name: 'model.norm.weight', dtype: 'F32', shape: [375_000] }]);
    expect(plan.files.map(({ path }) => path)).toEqual([
      'config.json',
      'tokenizer.json',
      'generation_config.json',
      'model.safetensors',
    ]);
    expect(plan.bytes).toBe(plan.files.reduce((sum, { size }) => sum + size, 0));
    const files = hub.came.filter(({ path, server }) => server === 'hub' && path.includes('/resolve/'));
    expect(files.map(({ path }) => path)).toEqual(
      ['config.json', 'model.safetensors'].map((name) => `/${ID}/resolve/${model.commit}/${name}`),
    );
    expect(files.at(-1)?.range).toBe('bytes=0-131071');
  });

  it('follows the pages of a list', async () => {
    hub.faults.pageSize = 2;
    expect((await planModel(client(), REF)).files.length).toBe(4);
    expect(hub.came.filter(({ path }) => path.includes('/tree/')).length).toBe(3);
  });

  it('takes a commit as revision', async () => {
    expect((await planModel(client(), { id: ID, revision: model.commit })).commit).toBe(model.commit);
  });

  it('names what a model lacks', async () => {
    expect(await failed(planModel(client(), { id: 'someone/bare', revision: null }))).toMatchObject({
      code: 'hub/unsuitable',
      message: expect.stringContaining('has no weights as safetensors') as string,
    });
  });

  it('sends the token to the hub and to no other origin', async () => {
    await planModel(client({ token: TOKEN }), REF);
    const sent = (server: string) =>
      new Set(hub.came.filter((one) => one.server === server).map(({ authorization }) => authorization));
    expect([sent('hub'), sent('store')]).toEqual([new Set([`Bearer ${TOKEN}`]), new Set([null])]);
  });

  it.each<[string, Partial<Faults>, string, RegExp, ClientOptions?]>([
    ['gated, without a token', { gated: 'gated' }, 'hub/gated', /accept conditions.*settings\/tokens.*“Token”/],
    ['gated, without access', { gated: 'denied' }, 'hub/gated', /account of your token has no access yet/, { token: TOKEN }],
    ['with a bad token', {}, 'hub/token', /does not accept the token.*hf_/, { token: 'hf_bad' }],
    ['disabled', { disabled: true }, 'hub/disabled', /nobody can download it. Choose another model/],
    ['on a hub that fails', { status: 500 }, 'hub/failed', /status 500.*its side.*Retry/],
    ['on a busy hub', { status: 429 }, 'hub/busy', /Wait five minutes, then press Retry.*token raises the limit/],
    ['behind a sign-in page', { html: true }, 'hub/answer', /sent a web page.*open .* in a new tab/],
    ['on a hub that never answers', { silent: true }, 'hub/slow', /next to nothing.*faster network/],
  ])('of a model %s ends in a sentence, and Retry works', async (_, faults, code, message, options = {}) => {
    Object.assign(hub.faults, faults);
    expect(await failed(planModel(client(options), REF))).toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
    hub.reset();
    expect((await planModel(client(), REF)).id).toBe(ID);
  });

  it.each([
    ['no such model', { id: 'no/model', revision: null }, /no public model no\/model.*spelling/],
    ['no such revision', { id: ID, revision: 'v9' }, /no revision v9.*Leave out “@v9”/],
  ])('with %s says so', async (_, ref, message) => {
    expect(await failed(planModel(client(), ref))).toMatchObject({
      code: 'hub/not-found',
      message: expect.stringMatching(message) as string,
    });
  });

  it('without a hub says that it could not be reached', async () => {
    const nowhere = client({ hub: 'http://127.0.0.1:9' });
    expect(await failed(planModel(nowhere, REF))).toMatchObject({
      code: 'hub/unreachable',
      message: expect.stringMatching(/could not be reached.*Check the connection/) as string,
    });
  });
});

describe('a search', () => {
  it('finds models by words', async () => {
    expect(await client().search('SMALL')).toEqual([{ id: ID, downloads: 1000, likes: 10, gated: false, license: 'apache-2.0' }]);
    expect(hub.came.map(({ path }) => path)).toEqual([expect.stringContaining('/api/models?search=SMALL')]);
  });
});

describe('a download', () => {
  let plan: HubPlan;
  beforeEach(async () => {
    plan = await planModel(client(), REF);
    hub.reset();
  });

  it('stores the files, and counts to the end', async () => {
    const seen: DownloadProgress[] = [];
    const store = new MemoryStore();
    await download(client(), plan, store, { onProgress: (progress) => void seen.push(progress) });
    await expectWhole(plan, store);
    expect(seen.at(-1)).toMatchObject({ done: plan.bytes, total: plan.bytes, stage: 'checking', file: 'model.safetensors' });
  });

  it.each<[string, Partial<Faults>]>([
    ['a cut connection', { cutAfter: 300_000, cuts: 4 }],
    ['a busy hub', { busy: 2 }],
    ['a hub that fails', { failing: 2 }],
    ['an expired address', { expired: 2 }],
    ['a hub that ignores ranges', { cutAfter: 700_000, cuts: 1, ignoresRange: true }],
  ])('goes on by itself after %s', async (_, faults) => {
    Object.assign(hub.faults, faults);
    await expectWhole(plan, new MemoryStore());
  });

  it.each<[string, Partial<Faults>, string, RegExp]>([
    [
      'is cut again and again',
      { cutAfter: 1, cuts: 1e9 },
      'hub/cut',
      /What was loaded is stored: press Retry to go on from there/,
    ],
    ['meets a hub that fails', { status: 503 }, 'hub/failed', /what is stored stays/],
    ['meets a busy hub', { busy: 1e9 }, 'hub/busy', /Wait five minutes/],
    ['drips', { drip: 10, dripMs: 20 }, 'hub/slow', /next to nothing of .*press Retry to go on/],
    ['gets damaged bytes', { damaged: true }, 'hub/hash', /model.safetensors .* is damaged.*Retry to load it again/],
    ['meets a changed file', { changed: true }, 'hub/changed', /it was changed.*Retry/],
    ['gets a web page', { html: true }, 'hub/answer', /web page/],
    ['loses its access', { gated: 'gated' }, 'hub/gated', /accept conditions/],
  ])('that %s ends in a sentence, and Retry works', async (_, faults, code, message) => {
    const store = new MemoryStore();
    Object.assign(hub.faults, faults);
    const result = await failed(download(client(), plan, store));
    expect(result).toMatchObject({ code, message: expect.stringMatching(message) as string });
    hub.reset();
    await expectWhole(plan, store);
  });

  it('that was stopped goes on from its bytes', async () => {
    const store = new MemoryStore();
    const stop = new AbortController();
    Object.assign(hub.faults, { drip: 20_000, dripMs: 10 });
    const onProgress = ({ done }: DownloadProgress): void => {
      if (done > 400_000) stop.abort(new DOMException('paused', 'AbortError'));
    };
    expect(await failed(download(client(), plan, store, { signal: stop.signal, onProgress }))).toMatchObject({
      message: 'paused',
    });
    const stored = store.bytes.get('model.safetensors')?.length ?? 0;
    expect(stored).toBeGreaterThan(300_000);
    expect(stored).toBeLessThan(1_000_000);
    hub.reset();
    await expectWhole(plan, store);
    const ranges = hub.came.filter(({ server }) => server === 'store').map(({ range }) => range);
    expect(ranges).toEqual([`bytes=${stored}-${(plan.files.at(-1)?.size ?? 0) - 1}`]);
  });

  it('with more bytes than the file has begins the file again', async () => {
    const store = new MemoryStore();
    store.bytes.set('model.safetensors', Buffer.alloc(2_000_000));
    expect(await failed(download(client(), plan, store))).toMatchObject({ code: 'hub/hash' });
    await expectWhole(plan, store);
  });

  it('whose rest is refused says so, and begins the file again at Retry', async () => {
    const store = new MemoryStore();
    store.bytes.set('model.safetensors', Buffer.alloc(1000, 7));
    hub.faults.noRange = true;
    expect(await failed(download(client(), plan, store))).toMatchObject({
      code: 'hub/range',
      message: expect.stringMatching(/Retry loads this file from its beginning/) as string,
    });
    await expectWhole(plan, store);
  });
});

/** Set to stream 2 GB; otherwise 64 MB. */
const LARGE = process.env['HUB_LARGE'] === undefined ? 64e6 : 2e9;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use, without garbage. */
function used(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('a large file', () => {
  it(`of ${formatBytes(LARGE)} streams through flat memory`, { timeout: 600_000 }, async () => {
    const big = await openHub({ [ID]: withZeros(model, 'big.bin', LARGE) });
    const one = client({ hub: big.address });
    const info = await one.info(REF);
    const file = (await one.files(info)).filter(({ path }) => path === 'big.bin');
    let peak = 0;
    const before = used();
    const onProgress = (): void => void (peak = Math.max(peak, used()));
    await download(one, { ...info, hub: big.address, files: file, bytes: LARGE, config: '', tensors: [] }, new NoStore(), {
      onProgress,
    });
    await big.close();
    expect(peak).toBeGreaterThan(0);
    expect((peak - before) / 1e6).toBeLessThan(32);
  });
});
