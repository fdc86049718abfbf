/** The store of runs in real IndexedDB: exact round trips, retention, recovery, deletion, locks, upgrades. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/checkpoint/database';
import { IndexedRunStore, openRunStore } from '../../src/checkpoint/store';
import type { EvalRow } from '../../src/checkpoint/types';
import { codeOf } from '../../src/core/errors';
import { defaultRecipe, parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { contents, dataset, drop, freshName, labelled, record, snapshot, tamper } from './store-fixtures';

let name: string;
let store: IndexedRunStore;
let unlock: () => void;

beforeEach(async () => {
  name = freshName();
  store = await openRunStore(name);
  await store.putRun(record());
  unlock = await store.lock('run-1');
});

afterEach(async () => {
  unlock();
  await store.close();
  await drop(name);
});

/** Appends the row of an evaluation, as a run does. */
const measured = (step: number, loss: number) => store.appendRows('run-1', 'evals', [{ step, loss } as EvalRow]);

const code = (promise: Promise<unknown>) => promise.then(() => 'done', codeOf);

/** Closes the store and opens it again, as a reload does. */
async function reopen(): Promise<void> {
  unlock();
  await store.close();
  store = await openRunStore(name);
  unlock = await store.lock('run-1');
}

describe('checkpoints', () => {
  it('are loaded with the same bytes after a reload', async () => {
    const saved = snapshot(10);
    await measured(10, 1.5);
    const info = await store.save('run-1', saved);
    expect(info).toMatchObject({ step: 10, bytes: 12000, loss: 1.5, best: true });
    await reopen();
    expect(await store.load('run-1', null)).toEqual({ snapshot: saved, skipped: [] });
  });

  it('of a run with activations in f16 have and require a loss scale', async () => {
    const saved = { ...snapshot(10), scaling: Float32Array.of(2 ** 15, 7) };
    expect(await code(store.save('run-1', saved))).toBe('internal');
    await store.putRun(record('run-1', { recipe: parseRecipe({ activationPrecision: 'f16' }) }));
    expect(await code(store.save('run-1', snapshot(10)))).toBe('internal');
    expect(await code(store.save('run-1', { ...saved, scaling: Float32Array.of(1) }))).toBe('internal');
    expect(await store.save('run-1', saved)).toMatchObject({ step: 10, bytes: 12008 });
    await reopen();
    expect(await store.load('run-1', null)).toEqual({ snapshot: saved, skipped: [] });
  });

  it('of a run with averaged weights have and require the average', async () => {
    const { parameters, ...saved } = snapshot(10);
    const averaged = { ...saved, parameters, ema: parameters.map((x) => x + 1) };
    expect(await code(store.save('run-1', averaged))).toBe('internal');
    await store.putRun(record('run-1', { recipe: parseRecipe({ ema: 0.9 }) }));
    expect(await code(store.save('run-1', snapshot(10)))).toBe('internal');
    expect(await store.save('run-1', averaged)).toMatchObject({ step: 10, bytes: 16000 });
    await reopen();
    expect(await store.load('run-1', null)).toEqual({ snapshot: averaged, skipped: [] });
  });

  it('of versions without a loss scale are loaded', async () => {
    const { activationPrecision, ...older } = defaultRecipe();
    await store.putRun(record('run-1', { recipe: older as Recipe }));
    await store.save('run-1', snapshot(10));
    await reopen();
    expect(await store.load('run-1', null)).toEqual({ snapshot: snapshot(10), skipped: [] });
    await store.putRun(record('run-1', { recipe: parseRecipe({ activationPrecision: 'f16' }) }));
    await expect(store.load('run-1', null)).rejects.toThrow('its loss scale is missing');
  });

  it('of many chunks are loaded completely', async () => {
    const saved = snapshot(1, 5_000_000); // 20 MB each: two chunks of each of the three parts
    await store.save('run-1', saved);
    expect((await contents(name))['chunks']).toHaveLength(6);
    const { snapshot: loaded } = await store.load('run-1', null);
    for (const part of ['parameters', 'm', 'v'] as const) {
      expect(await digest(loaded[part])).toBe(await digest(saved[part]));
    }
  });

  it('keep the bits of NaN, infinities, negative zero and subnormals', async () => {
    const bits = Uint32Array.of(0x7fc00001, 0xffc00000, 0x7f800000, 0x80000000, 1);
    const odd = new Float32Array(bits.buffer);
    await store.save('run-1', { step: 1, parameters: odd, m: odd, v: odd });
    const { snapshot: loaded } = await store.load('run-1', null);
    expect([...new Uint32Array(loaded.parameters.buffer)]).toEqual([...bits]);
  });

  it('are kept if newest, second newest or best; the chunks of others are deleted', async () => {
    for (const [step, loss] of [
      [1, 3],
      [2, 1],
      [3, 2],
      [4, 2.5],
      [5, null],
    ] as const) {
      if (loss !== null) await measured(step, loss);
      await store.save('run-1', snapshot(step));
    }
    const { checkpoints } = await store.run('run-1');
    expect(checkpoints.map(({ step, loss, best }) => [step, loss, best])).toEqual([
      [2, 1, true],
      [4, 2.5, false],
      [5, null, false],
    ]);
    expect((await contents(name))['chunks']).toHaveLength(9);
    expect((await store.load('run-1', 2)).snapshot).toEqual(snapshot(2));
    expect(await code(store.load('run-1', 3))).toBe('store/corrupt');
  });

  it('can be saved again at the same step', async () => {
    await store.save('run-1', snapshot(5));
    await store.save('run-1', { ...snapshot(6), step: 5 });
    expect((await store.load('run-1', null)).snapshot.parameters).toEqual(snapshot(6).parameters);
    expect((await contents(name))['chunks']).toHaveLength(3);
  });

  it('are kept if best measured, after later ones without a measurement', async () => {
    await measured(100, 1);
    for (const step of [100, 130, 160, 190]) await store.save('run-1', snapshot(step));
    await measured(200, 1.3);
    await store.save('run-1', snapshot(200));
    const { checkpoints } = await store.run('run-1');
    expect(checkpoints.map(({ step, loss, best }) => [step, loss, best])).toEqual([
      [100, 1, true],
      [190, null, false],
      [200, 1.3, false],
    ]);
  });

  it('of earlier versions lose a stored loss that was measured at another step', async () => {
    await measured(100, 1);
    for (const step of [100, 130]) await store.save('run-1', snapshot(step));
    await tamper(name, 'checkpoints', (objects) => {
      const request = objects.getAll();
      request.onsuccess = () => {
        for (const manifest of request.result as object[]) objects.put({ ...manifest, loss: 1 });
      };
    });
    const { checkpoints } = await store.run('run-1');
    expect(checkpoints.map(({ step, loss, best }) => [step, loss, best])).toEqual([
      [100, 1, true],
      [130, null, false],
    ]);
  });

  it('from before a rollback are deleted with the first new one', async () => {
    for (const step of [10, 20]) await store.save('run-1', snapshot(step));
    await store.save('run-1', snapshot(15));
    expect((await store.run('run-1')).checkpoints.map(({ step }) => step)).toEqual([10, 15]);
  });

  it('are saved only with the lock, and only of complete states', async () => {
    expect(await code(store.save('run-2', snapshot(1)))).toBe('internal');
    expect(await code(store.save('run-1', { ...snapshot(1), m: new Float32Array(3) }))).toBe('internal');
  });
});

describe('damage', () => {
  beforeEach(async () => {
    for (const step of [10, 20]) await store.save('run-1', snapshot(step));
  });

  const newestKeys = async () => {
    const keys = (await contents(name))['chunks'] as [string, number, number][];
    const newest = Math.max(...keys.map(([, save]) => save));
    return keys.filter(([, save]) => save === newest);
  };

  const damages: [string, (objects: IDBObjectStore, key: IDBValidKey) => void, RegExp][] = [
    ['a missing chunk', (objects, key) => objects.delete(key), /step 20.*missing/],
    ['a shorter chunk', (objects, key) => objects.put(new Uint8Array(3999), key), /step 20.*3999 bytes/],
    ['a changed chunk', (objects, key) => objects.put(new Uint8Array(4000), key), /step 20.*changed/],
    ['something else in its place', (objects, key) => objects.put('x', key), /step 20/],
  ];
  it.each(damages)('of %s is skipped and named', async (_, damage, message) => {
    for (const key of await newestKeys()) {
      await tamper(name, 'chunks', (objects) => damage(objects, key));
      const { snapshot: loaded, skipped } = await store.load('run-1', null);
      expect(loaded).toEqual(snapshot(10));
      expect(skipped).toHaveLength(1);
      expect(skipped[0]).toMatch(message);
    }
  });

  it('of all checkpoints is an error that names each', async () => {
    await tamper(name, 'chunks', (objects) => objects.clear());
    const error: unknown = await store.load('run-1', null).catch((thrown: unknown) => thrown);
    expect(codeOf(error)).toBe('store/corrupt');
    expect(String(error)).toMatch(/step 20.*step 10/);
  });

  it('is reported when the run refers to another model', async () => {
    await store.putRun(record('run-1', { modelId: 'other' }));
    expect(await code(store.load('run-1', null))).toBe('store/corrupt');
  });
});

describe('rows', () => {
  const row = (step: number, text = '') => ({ step, text });

  it('are loaded in order, by kind and run, and deleted after a step', async () => {
    await store.appendRows('run-1', 'steps', [row(1), row(2)]);
    await store.appendRows('run-1', 'steps', [row(3)]);
    await store.appendRows('run-1', 'samples', [row(2, 'b'), row(2, 'a')]);
    await store.appendRows('run-2', 'steps', [row(9)]);
    await reopen();
    expect(await store.rows('run-1', 'steps')).toEqual([row(1), row(2), row(3)]);
    expect(await store.rows('run-1', 'samples')).toEqual([row(2, 'b'), row(2, 'a')]);
    await store.cutRows('run-1', 2);
    expect(await store.rows('run-1', 'steps')).toEqual([row(1), row(2)]);
    expect(await store.rows('run-1', 'samples')).toHaveLength(2);
    expect(await store.rows('run-2', 'steps')).toEqual([row(9)]);
    await store.cutRows('run-1', -1);
    expect(await store.rows('run-1', 'steps')).toEqual([]);
  });
});

describe('the newest rows of a run', () => {
  it('are those of its last step and its last measurement', async () => {
    expect((await store.run('run-1')).newest).toEqual({ step: null, evaluation: null });
    await store.putRun(record('run-2'));
    await store.appendRows('run-1', 'steps', [{ step: 3 }, { step: 4 }]);
    await store.appendRows('run-2', 'steps', [{ step: 9 }]);
    await measured(4, 1.5);
    await measured(2, 2.5);
    const newest = { step: { step: 4 }, evaluation: { step: 4, loss: 1.5 } };
    expect((await store.run('run-1')).newest).toEqual(newest);
    expect((await store.runs()).find(({ id }) => id === 'run-1')?.newest).toEqual(newest);
  });
});

it('keeps notes with a run, whose record has none at first', async () => {
  expect(await store.run('run-1')).not.toHaveProperty('notes');
  await store.updateRun('run-1', { notes: 'too fast' });
  await reopen();
  expect(await store.run('run-1')).toMatchObject({ notes: 'too fast', format: 2, name: 'a run' });
});

describe('datasets', () => {
  it('are loaded with the same bytes', async () => {
    const data = dataset('h', 6_000_000);
    await store.putDataset(data);
    await reopen();
    const loaded = await store.dataset('h');
    expect(loaded.stats).toEqual(data.stats);
    for (const field of ['ids', 'trained', 'offsets', 'lines'] as const) {
      expect(await digest(loaded.train[field])).toBe(await digest(data.train[field]));
      expect(loaded.heldOut[field]).toEqual(data.heldOut[field]);
    }
  });

  it('with labels keep their types, targets and layout', async () => {
    const data = labelled('h');
    await store.putDataset(data);
    await reopen();
    expect(await store.dataset('h')).toEqual(data);
  });

  it('are loaded with their test rows', async () => {
    const { train, ...rest } = dataset('h');
    const data = { ...rest, train, test: { ...train, ids: train.ids.map((id) => id + 1), lines: Uint32Array.of(7) } };
    await store.putDataset(data);
    await reopen();
    expect(await store.dataset('h')).toEqual(data);
  });

  it('of a version without labels and test rows are loaded without them', async () => {
    await store.putDataset(dataset('h'));
    await reopen();
    const loaded = await store.dataset('h');
    expect(loaded).not.toHaveProperty('test');
    for (const part of [loaded, loaded.train, loaded.heldOut])
      for (const field of ['layout', 'types', 'targets']) expect(part).not.toHaveProperty(field);
  });

  it('are stored once, and again when damaged', async () => {
    await store.putDataset(dataset('h'));
    const before = (await contents(name))['chunks'];
    await store.putDataset(dataset('h'));
    expect((await contents(name))['chunks']).toEqual(before);
    await tamper(name, 'chunks', (objects) => objects.clear());
    expect(await code(store.dataset('h'))).toBe('store/corrupt');
    await store.putDataset(dataset('h'));
    expect(await store.dataset('h')).toEqual(dataset('h'));
  });
});

it('keeps tiles and pace of a device beside each other', async () => {
  expect([await store.tiles('gpu'), await store.pace('gpu')]).toEqual([{}, null]);
  const pace = { flops: 1e11, bytes: 1e10, node: 1e-5 };
  await store.addTiles('gpu', { a: 'x' });
  await store.setPace('gpu', pace);
  await store.addTiles('gpu', { b: 'y' });
  expect([await store.tiles('gpu'), await store.pace('gpu')]).toEqual([{ a: 'x', b: 'y' }, pace]);
});

describe('deleting a run', () => {
  it('deletes all of its data and nothing of others', async () => {
    await store.putRun(record('run-2'));
    await store.putDataset(dataset('h'));
    const second = await store.lock('run-2');
    for (const id of ['run-1', 'run-2']) {
      await store.save(id, snapshot(1));
      await store.appendRows(id, 'steps', [{ step: 1 }]);
    }
    expect(await code(store.deleteRun('run-1'))).toBe('store/locked');
    unlock();
    await store.deleteRun('run-1');
    expect((await store.runs()).map(({ id }) => id)).toEqual(['run-2']);
    expect(await code(store.run('run-1'))).toBe('store/corrupt');
    expect((await store.load('run-2', null)).snapshot).toEqual(snapshot(1));
    expect(await store.dataset('h')).toEqual(dataset('h'));
    second();
    await store.deleteRun('run-2');
    expect(await contents(name)).toEqual({ runs: [], checkpoints: [], datasets: [], chunks: [], rows: [], tiles: [] });
  });
});

describe('data of interrupted writes', () => {
  it('is deleted when it is old', async () => {
    const old = Date.now() - 7_200_000;
    const young = Date.now() - 1000;
    await store.putDataset(dataset('h'));
    await tamper(name, 'chunks', (objects) => {
      for (const owner of ['run:gone', 'dataset:gone'])
        for (const save of [old, young]) objects.put(new Uint8Array(1), [owner, save, 0]);
    });
    await tamper(name, 'datasets', (objects) => objects.put({ hash: 'unused', savedAt: old, save: old, stats: {}, chunks: [] }));
    await reopen();
    const left = await contents(name);
    expect(left['datasets']).toEqual(['h']);
    expect((left['chunks'] as [string, number][]).filter(([owner]) => owner.endsWith('gone')).map(([, save]) => save)).toEqual([
      young,
      young,
    ]);
  });

  it('of a save is deleted by the next save', async () => {
    await tamper(name, 'chunks', (objects) => objects.put(new Uint8Array(1), ['run:run-1', 5, 0]));
    await store.save('run-1', snapshot(1));
    expect((await contents(name))['chunks']).toHaveLength(3);
  });
});

describe('locks', () => {
  it('admit one writer, are visible, and can be taken again after release', async () => {
    const other = await openRunStore(name);
    expect(await code(other.lock('run-1'))).toBe('store/locked');
    expect((await other.run('run-1')).locked).toBe(true);
    unlock();
    unlock = await other.lock('run-1');
    expect(await code(store.save('run-1', snapshot(1)))).toBe('internal');
    await other.close();
  });

  it('are released when their worker dies', async () => {
    unlock();
    const worker = new Worker(new URL('./saver.worker.ts', import.meta.url), { type: 'module' });
    await new Promise((resolve) => {
      worker.onmessage = resolve;
      worker.postMessage({ name, from: 1, count: 1 });
    });
    expect(await code(store.lock('run-1'))).toBe('store/locked');
    worker.terminate();
    await expect.poll(() => code(store.lock('run-1').then((release) => (unlock = release)))).toBe('done');
  });
});

describe('upgrades', () => {
  it('by another tab succeed, and this tab asks for a reload', async () => {
    const newer = await openRunStore(name, VERSION + 1);
    expect((await newer.runs()).length).toBe(1);
    expect(await code(store.runs())).toBe('store/blocked');
    await newer.close();
  });

  it('that an old tab blocks throw instead of waiting', async () => {
    await store.close();
    const stubborn = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
    });
    expect(await code(openRunStore(name, VERSION + 1))).toBe('store/blocked');
    stubborn.close();
    await expect.poll(() => code(openRunStore(name, VERSION + 1).then((opened) => opened.close()))).toBe('done');
  });

  it('a closed connection is opened again', async () => {
    await store.save('run-1', snapshot(1));
    await store.close();
    expect((await store.load('run-1', null)).snapshot).toEqual(snapshot(1));
  });
});

async function digest(data: ArrayBufferView): Promise<string> {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))).join();
}
