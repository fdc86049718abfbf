/** Downloads in the real private file system: they go on after a break, become kept models, and are checked. */

import { wrap, type Remote } from 'comlink';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { codeOf } from '../../src/core/errors';
import { growingHash } from '../../src/core/hash';
import { deleteDownload, listDownloads, openDownload } from '../../src/hub/downloads';
import type { HubPlan } from '../../src/hub/types';
import { openModelCache, type ModelCache } from '../../src/model/cache';
import { openFolder } from '../../src/model/folder';
import type { HubWriterApi } from '../../workers/hub-writer.worker';
import { smallModel } from './model-files';

let worker: Worker;
let writer: Remote<HubWriterApi>;
let cache: ModelCache;
let root: string;
let key: string;
let files: readonly File[];
let plan: HubPlan;

const hashOf = async (file: File): Promise<string> => {
  const hash = growingHash('sha256', file.size);
  hash.update(new Uint8Array(await file.arrayBuffer()));
  return hash.digest();
};

function startWorker(): void {
  worker = new Worker(new URL('../../workers/hub-writer.worker.ts', import.meta.url), { type: 'module' });
  writer = wrap<HubWriterApi>(worker);
}

beforeEach(async () => {
  [root, key] = [`test-${crypto.randomUUID()}`, `test-${crypto.randomUUID()}`];
  cache = openModelCache(root);
  ({ files } = await smallModel(5));
  const listed = files.map(async (file) => ({
    ...{ path: file.name, size: file.size },
    hash: { kind: 'sha256' as const, value: await hashOf(file) },
  }));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const about = { hub: 'https://hub.example', id: 'someone/small', commit: '0'.repeat(40), gated: false, license: 'mit' };
  plan = { ...about, files: await Promise.all(listed), bytes, config: '', tensors: [] };
  startWorker();
});
afterEach(async () => {
  worker.terminate();
  await deleteDownload(key);
  await (await navigator.storage.getDirectory()).removeEntry(root, { recursive: true }).catch(() => undefined);
});

const code = (promise: Promise<unknown>) => promise.then(() => 'done', codeOf);
const own = async () => (await listDownloads()).find((one) => one.key === key);

/** Appends bytes `from` to `to` of a file. Resolves with the bytes that were there. */
async function write(file: File, to = file.size): Promise<number> {
  const entry = plan.files.find(({ path }) => path === file.name);
  if (entry === undefined) throw new Error('The plan lacks the file.');
  const there = await writer.open(entry);
  await writer.append(new Uint8Array(await file.slice(there, to).arrayBuffer()));
  if (to === file.size) expect(await writer.digest()).toBe(entry.hash.value);
  await writer.close();
  return there;
}

it('goes on after the worker ended, becomes a kept model, and is checked', async () => {
  await writer.begin(key, plan);
  const [first, ...others] = files;
  if (first === undefined) throw new Error('The model has no files.');
  await write(first, 100);
  worker.terminate();
  startWorker();
  expect(await own()).toMatchObject({ stored: 100, complete: false, plan: { id: 'someone/small' } });
  expect(await code(openDownload(key))).toBe('store/corrupt');

  await writer.begin(key, plan);
  expect(await write(first)).toBe(100);
  for (const file of others) await write(file);
  await writer.complete();
  expect(await own()).toMatchObject({ stored: plan.bytes, complete: true });

  const { folder, files: stored } = await openDownload(key);
  const model = await openFolder(stored, { name: plan.id });
  await cache.adopt(model, folder, plan);
  const origin = { hub: plan.hub, id: plan.id, commit: plan.commit };
  expect(await cache.list()).toEqual([{ id: model.id, name: 'someone/small', bytes: plan.bytes, origin }]);
  expect((await cache.open(model.id)).view).toMatchObject({ id: model.id, cached: true });
  expect(await cache.verify(model.id)).toEqual({ by: 'hashes', damaged: [] });

  const kept = await (await (await navigator.storage.getDirectory()).getDirectoryHandle(root)).getDirectoryHandle(model.id);
  const stream = await (await kept.getFileHandle('model.safetensors')).createWritable({ keepExistingData: true });
  const { size } = await (await kept.getFileHandle('model.safetensors')).getFile();
  await stream.write({ type: 'write', position: size - 1, data: new Uint8Array([255]) });
  await stream.close();
  expect(await cache.verify(model.id)).toEqual({ by: 'hashes', damaged: ['model.safetensors'] });
});

it('begins a file again', async () => {
  await writer.begin(key, plan);
  const [file] = plan.files;
  if (file === undefined) throw new Error('The plan has no files.');
  await writer.open(file);
  await writer.append(new Uint8Array(50));
  await writer.restart();
  await writer.close();
  expect((await own())?.stored).toBe(0);
});

it('is not deleted while it is written', async () => {
  await navigator.locks.request(`finetab:download:${key}`, async () => {
    expect(await code(deleteDownload(key))).toBe('store/locked');
  });
});

it('checks a copy of the user’s own files by samples', async () => {
  const folder = await smallModel(6);
  await cache.put(folder);
  expect(await cache.verify(folder.id)).toEqual({ by: 'samples', damaged: [] });
  expect(await code(cache.verify('none'))).toBe('store/corrupt');
});
