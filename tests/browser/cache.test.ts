/** The model cache in the real private file system: a model is complete or does not exist, also after failures. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeOf } from '../../src/core/errors';
import { openModelCache, type ModelCache } from '../../src/model/cache';
import type { ModelFolder } from '../../src/model/folder';
import { smallModel } from './model-files';

let root: string;
let cache: ModelCache;
let restore: () => void = () => undefined;

beforeEach(() => {
  root = `test-${crypto.randomUUID()}`;
  cache = openModelCache(root);
});

afterEach(async () => {
  restore();
  await (await navigator.storage.getDirectory()).removeEntry(root, { recursive: true }).catch(() => undefined);
});

const code = (promise: Promise<unknown>) => promise.then(() => 'done', codeOf);
const ids = async () => (await cache.list()).map(({ id }) => id);
const directory = async () => (await navigator.storage.getDirectory()).getDirectoryHandle(root, { create: true });

async function folders(): Promise<string[]> {
  const names: string[] = [];
  for await (const name of (await directory()).keys()) names.push(name);
  return names;
}

async function bytesOf(folder: ModelFolder): Promise<number[]> {
  const files = await Promise.all(folder.files.map((file) => file.arrayBuffer()));
  const digests = await Promise.all(files.map((file) => crypto.subtle.digest('SHA-256', file)));
  return digests.flatMap((digest) => [...new Uint8Array(digest)]);
}

async function overwrite(id: string, name: string, content: string): Promise<void> {
  const folder = await (await directory()).getDirectoryHandle(id);
  const stream = await (await folder.getFileHandle(name)).createWritable();
  await stream.write(content);
  await stream.close();
}

describe('cached models', () => {
  it('are listed, opened with the same bytes, and deleted', async () => {
    const [one, two] = [await smallModel(1), await smallModel(2)];
    expect(await ids()).toEqual([]);
    await cache.put(one);
    await cache.put(two);
    await cache.put(one);
    const size = one.files.reduce((sum, file) => sum + file.size, 0);
    expect(await cache.list()).toEqual([one, two].map(({ id }, i) => ({ id, name: `model ${i + 1}`, bytes: size })));
    const opened = await cache.open(one.id);
    expect(opened.view).toEqual({ ...one.view, cached: true });
    expect(await bytesOf(opened)).toEqual(await bytesOf(one));
    await cache.delete(one.id);
    expect(await ids()).toEqual([two.id]);
    expect(await folders()).toEqual([two.id]);
    expect(await code(cache.open(one.id))).toBe('store/corrupt');
    await cache.delete(one.id);
  });

  it('are also written by workers', async () => {
    const worker = new Worker(new URL('./cacher.worker.ts', import.meta.url), { type: 'module' });
    const reply = await new Promise<{ result: string; id: string }>((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<{ result: string; id: string }>) => resolve(data);
      worker.postMessage({ root, seed: 3 });
    });
    worker.terminate();
    expect(reply.result).toBe('done');
    expect(await bytesOf(await cache.open(reply.id))).toEqual(await bytesOf(await smallModel(3)));
  });

  it.each([
    ['a truncated manifest', 'manifest.json', '{"version":1,"files":[{"na'],
    ['an empty manifest', 'manifest.json', ''],
    ['a truncated file', 'model.safetensors', 'x'],
  ])('with %s are not listed, and are written again', async (_, name, content) => {
    const folder = await smallModel();
    await cache.put(folder);
    await overwrite(folder.id, name, content);
    expect(await ids()).toEqual([]);
    expect(await code(cache.open(folder.id))).toBe('store/corrupt');
    await cache.put(folder);
    expect(await bytesOf(await cache.open(folder.id))).toEqual(await bytesOf(folder));
  });

  it('that were changed are not opened', async () => {
    const folder = await smallModel();
    await cache.put(folder);
    const config = folder.files.find((file) => file.name === 'config.json');
    await overwrite(
      folder.id,
      'config.json',
      (await config?.text())?.replace('"max_position_embeddings":64', '"max_position_embeddings":65') ?? '',
    );
    expect(await ids()).toEqual([folder.id]);
    expect(await code(cache.open(folder.id))).toBe('store/corrupt');
  });

  it('that are incomplete are deleted, unless another tab is writing them', async () => {
    const root = await directory();
    await root.getDirectoryHandle('dead', { create: true });
    await root.getDirectoryHandle('alive', { create: true });
    const folder = await smallModel();
    await navigator.locks.request('finetab:model:alive', () => cache.put(folder));
    expect((await folders()).sort()).toEqual([folder.id, 'alive'].sort());
  });

  it('that another tab is writing are neither written nor deleted', async () => {
    const folder = await smallModel();
    await navigator.locks.request(`finetab:model:${folder.id}`, async () => {
      await cache.put(folder);
      expect(await ids()).toEqual([]);
      expect(await code(cache.delete(folder.id))).toBe('store/locked');
    });
  });
});

describe('when writing fails', () => {
  type Method = (this: unknown, ...args: unknown[]) => unknown;
  const CALLS: readonly [object, string][] = [
    [FileSystemFileHandle.prototype, 'createWritable'],
    [FileSystemDirectoryHandle.prototype, 'getFileHandle'],
    [FileSystemDirectoryHandle.prototype, 'getDirectoryHandle'],
    [FileSystemWritableFileStream.prototype, 'write'],
    [FileSystemWritableFileStream.prototype, 'close'],
    [WritableStream.prototype, 'close'],
  ];

  function failCall(n: number, name: string): () => boolean {
    let count = 0;
    const own = CALLS.filter(([holder, method]) => Object.hasOwn(holder, method));
    const originals = own.map(([holder, method]) => [holder, method, Reflect.get(holder, method) as Method] as const);
    for (const [holder, method, original] of originals) {
      const patched: Method = function (...args) {
        return ++count === n ? Promise.reject(new DOMException(`injected ${name}`, name)) : original.apply(this, args);
      };
      Reflect.set(holder, method, patched);
    }
    restore = () => {
      for (const [holder, method, original] of originals) Reflect.set(holder, method, original);
    };
    return () => {
      restore();
      return count >= n;
    };
  }

  it.each([
    ['QuotaExceededError', 'store/quota'],
    ['InvalidStateError', 'store/failed'],
  ])('at call N with %s, there is no model, and the next attempt writes it, for every N', async (name, expected) => {
    const folder = await smallModel();
    for (let n = 1, failed = true; failed; n++) {
      const finish = failCall(n, name);
      const result = await code(cache.put(folder));
      failed = finish();
      expect([n, result]).toEqual([n, failed ? expected : 'done']);
      expect(await ids()).toEqual(failed ? [] : [folder.id]);
      await cache.put(folder);
      expect(await bytesOf(await cache.open(folder.id))).toEqual(await bytesOf(folder));
      await cache.delete(folder.id);
      if (!failed) expect(n).toBeGreaterThan(12);
    }
  });

  it('for lack of space by the estimate, the bytes needed are reported and nothing is written', async () => {
    const folder = await smallModel();
    const original = Reflect.get(StorageManager.prototype, 'estimate') as Method;
    restore = () => Reflect.set(StorageManager.prototype, 'estimate', original);
    Reflect.set(StorageManager.prototype, 'estimate', () => Promise.resolve({ quota: 100_000, usage: 0 }));
    const error: unknown = await cache.put(folder).catch((thrown: unknown) => thrown);
    expect(codeOf(error)).toBe('store/quota');
    expect(String(error)).toMatch(/not enough storage space for a copy of model 1: it needs \d+ KB/);
    expect(await folders()).toEqual([]);
  });

  it('by cancellation, no model is left', async () => {
    const folder = await smallModel();
    const stopped: unknown = await cache.put(folder, { signal: AbortSignal.abort() }).catch((thrown: unknown) => thrown);
    expect(stopped).toMatchObject({ name: 'AbortError' });
    expect(await folders()).toEqual([]);
  });
});
