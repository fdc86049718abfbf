/** Saves are atomic: each storage call fails in turn, and the saving worker is killed at random. */

import { afterEach, describe, expect, it } from 'vitest';
import { openRunStore, type IndexedRunStore } from '../../src/checkpoint/store';
import { codeOf } from '../../src/core/errors';
import { dataset, drop, freshName, record, snapshot } from './store-fixtures';

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** All browser functions that the store calls. */
const CALLS: readonly [object, string][] = [
  ...['put', 'add', 'delete', 'get', 'getAll', 'getAllKeys', 'index'].map((name): [object, string] => [
    IDBObjectStore.prototype,
    name,
  ]),
  ...['getAll', 'getAllKeys'].map((name): [object, string] => [IDBIndex.prototype, name]),
  ...['transaction'].map((name): [object, string] => [IDBDatabase.prototype, name]),
  ...['objectStore'].map((name): [object, string] => [IDBTransaction.prototype, name]),
  ...['estimate'].map((name): [object, string] => [StorageManager.prototype, name]),
];

let restore: () => void = () => undefined;
afterEach(() => restore());

/** Makes calls `n` to `last` run `fault`. The returned function restores them and returns whether call `n` was made. */
function failCall(n: number, fault: (call: () => unknown, target: unknown) => unknown, last = n): () => boolean {
  let count = 0;
  const originals = CALLS.map(([holder, name]) => [holder, name, Reflect.get(holder, name) as Method] as const);
  for (const [holder, name, original] of originals) {
    const patched: Method = function (...args) {
      const call = () => original.apply(this, args);
      count++;
      return count >= n && count <= last ? fault(call, this) : call();
    };
    Reflect.set(holder, name, patched);
  }
  restore = () => {
    for (const [holder, name, original] of originals) Reflect.set(holder, name, original);
  };
  return () => {
    restore();
    return count >= n;
  };
}

const throwing = (name: string) => (_call: () => unknown, target: unknown) => {
  if (target instanceof StorageManager) return Promise.reject(new DOMException(`injected ${name}`, name));
  throw new DOMException(`injected ${name}`, name);
};

/** Makes the call and then aborts its transaction, as a full disk does at commit. */
const aborting = (call: () => unknown, target: unknown) => {
  const result = call();
  if (target instanceof IDBObjectStore) target.transaction.abort();
  else if (target instanceof IDBTransaction) target.abort();
  else if (result instanceof IDBTransaction) result.abort();
  return result;
};

const FAULTS: readonly [string, (call: () => unknown, target: unknown) => unknown, readonly string[]][] = [
  ['QuotaExceededError', throwing('QuotaExceededError'), ['store/quota']],
  ['AbortError', throwing('AbortError'), ['store/failed']],
  // A closed connection throws this error. The store reopens it, and the save succeeds.
  ['InvalidStateError', throwing('InvalidStateError'), []],
  ['UnknownError', throwing('UnknownError'), ['store/failed']],
  ['an aborted transaction', aborting, ['store/failed']],
];

const outcome = (promise: Promise<unknown>) => promise.then(() => 'done', codeOf);

async function prepared(name: string): Promise<{ store: IndexedRunStore; unlock: () => void }> {
  const store = await openRunStore(name);
  await store.putRun(record());
  const unlock = await store.lock('run-1');
  return { store, unlock };
}

describe('when storage call N fails while saving', () => {
  it.each(FAULTS)('with %s, the newest complete checkpoint loads, for every N', async (_, fault, codes) => {
    const seen = new Set<string>();
    for (let n = 1; ; n++) {
      const name = freshName();
      const { store, unlock } = await prepared(name);
      for (const step of [1, 2]) await store.save('run-1', snapshot(step));
      const finish = failCall(n, fault);
      const result = await outcome(store.save('run-1', snapshot(3)));
      const failed = finish();
      await store.close();

      const reopened = await openRunStore(name);
      const loaded = await reopened.load('run-1', null);
      expect(loaded.skipped).toEqual([]);
      expect(loaded.snapshot).toEqual(loaded.snapshot.step === 3 ? snapshot(3) : snapshot(2));
      if (result === 'done') expect(loaded.snapshot.step).toBe(3);
      else expect([n, result]).toEqual([n, expect.toBeOneOf([...codes])]);
      for (const { step } of (await reopened.run('run-1')).checkpoints) await reopened.load('run-1', step);
      await store.save('run-1', snapshot(4));
      expect((await store.load('run-1', null)).snapshot).toEqual(snapshot(4));

      unlock();
      await Promise.all([store.close(), reopened.close()]);
      await drop(name);
      if (!failed) {
        expect(n).toBeGreaterThan(15);
        expect(result).toBe('done');
        break;
      }
      seen.add(result);
    }
    // The estimate is a call, too: without one the save is tried all the same.
    seen.delete('done');
    expect([...seen]).toEqual(codes);
  });

  it('and all later calls with InvalidStateError, the save fails and the newest checkpoint remains', async () => {
    const name = freshName();
    const { store, unlock } = await prepared(name);
    await store.save('run-1', snapshot(2));
    for (const n of [1, 5, 12]) {
      const finish = failCall(n, throwing('InvalidStateError'), Infinity);
      expect(await outcome(store.save('run-1', snapshot(3)))).toBe('store/failed');
      expect(finish()).toBe(true);
      expect((await store.load('run-1', null)).snapshot).toEqual(snapshot(2));
    }
    unlock();
    await store.close();
    await drop(name);
  });

  it('the message states the bytes needed and what to do', async () => {
    const name = freshName();
    const { store, unlock } = await prepared(name);
    const finish = failCall(8, throwing('QuotaExceededError'));
    const error: unknown = await store.save('run-1', snapshot(3, 1_000_000)).catch((thrown: unknown) => thrown);
    expect(finish()).toBe(true);
    expect(String(error)).toMatch(/not enough storage space for the checkpoint at step 3.*12 MB.*Delete old runs/);
    unlock();
    await store.close();
    await drop(name);
  });

  it('nothing is written when the estimate has not enough space', async () => {
    const name = freshName();
    const { store, unlock } = await prepared(name);
    const original = Reflect.get(StorageManager.prototype, 'estimate') as Method;
    restore = () => Reflect.set(StorageManager.prototype, 'estimate', original);
    Reflect.set(StorageManager.prototype, 'estimate', () => Promise.resolve({ quota: 1_000_000, usage: 999_000 }));
    expect(await outcome(store.save('run-1', snapshot(3)))).toBe('store/quota');
    expect(await outcome(store.putDataset(dataset('h', 1000)))).toBe('store/quota');
    restore();
    expect(await outcome(store.load('run-1', null))).toBe('store/corrupt');
    unlock();
    await store.close();
    await drop(name);
  });
});

describe('when storage call N fails in other writes', () => {
  const writes: [string, (store: IndexedRunStore) => Promise<unknown>][] = [
    ['putRun', (store) => store.putRun(record('run-1', { name: 'new' }))],
    ['appendRows', (store) => store.appendRows('run-1', 'steps', [{ step: 4 }, { step: 5 }])],
    ['cutRows', (store) => store.cutRows('run-1', 1)],
    ['putDataset', (store) => store.putDataset(dataset('h'))],
    ['deleteRun', (store) => store.deleteRun('run-2')],
  ];
  it.each(writes)('%s is atomic', async (_, write) => {
    const runs = async (store: IndexedRunStore) => (await store.runs()).map((run) => ({ ...run, locked: null }));
    const state = async (store: IndexedRunStore) =>
      JSON.stringify([
        await runs(store),
        await store.rows('run-1', 'steps'),
        await outcome(store.dataset('h')),
        await store.rows('run-2', 'steps'),
      ]);
    const states = new Set<string>();
    for (let n = 1, failed = true; failed; n++) {
      const name = freshName();
      const { store, unlock } = await prepared(name);
      await store.putRun(record('run-2'));
      await store.appendRows('run-1', 'steps', [{ step: 1 }, { step: 2 }]);
      await store.appendRows('run-2', 'steps', [{ step: 1 }]);
      const before = await state(store);
      const finish = failCall(n, throwing('QuotaExceededError'));
      const result = await outcome(write(store));
      failed = finish();
      const after = await state(store);
      if (result === 'done') states.add(after);
      else expect([result, after]).toEqual(['store/quota', before]);
      unlock();
      await store.close();
      await drop(name);
    }
    expect(states.size).toBe(1);
  });
});

describe('a worker killed while it saves', () => {
  it('leaves the last checkpoint that it reported, or a newer one, complete', { timeout: 120_000 }, async () => {
    const name = freshName();
    const { store, unlock } = await prepared(name);
    unlock();
    let reached = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const told = await saveUntilKilled(name, reached + 1, round / ROUNDS);
      const { snapshot: loaded, skipped } = await store.load('run-1', null);
      expect(skipped).toEqual([]);
      expect(loaded.step).toBeGreaterThanOrEqual(told);
      expect(loaded).toEqual(snapshot(loaded.step, SIZE));
      reached = loaded.step;
    }
    await store.close();
    await drop(name);
  });
});

const ROUNDS = 10;
/** Parameters of a state, so many that a save takes some time. */
const SIZE = 100_000;

/**
 * Starts a worker that saves from step `from` on. After its second save it is killed when `share` of the time that the second
 * took has passed. Gives the last step it told of.
 */
async function saveUntilKilled(name: string, from: number, share: number): Promise<number> {
  const worker = new Worker(new URL('./saver.worker.ts', import.meta.url), { type: 'module' });
  let told = 0;
  let at = 0;
  await new Promise<void>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<number>) => {
      told = data;
      if (told === from + 1) setTimeout(resolve, share * (performance.now() - at));
      at = performance.now();
    };
    worker.postMessage({ name, from, count: 1000, size: SIZE });
  });
  worker.terminate();
  return told;
}
