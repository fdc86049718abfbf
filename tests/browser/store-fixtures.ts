/** Runs, snapshots and datasets for the tests of the store. */

import { deleteDB } from 'idb';
import type { EncodedDataset } from '../../src/batch/types';
import type { RunRecord, Snapshot } from '../../src/checkpoint/types';
import { defaultRecipe } from '../../src/recipe/recipe';

let names = 0;

/** A unique database name. */
export const freshName = () => `test-${crypto.randomUUID()}-${names++}`;

export function record(id = 'run-1', changes: Partial<RunRecord> = {}): RunRecord {
  return {
    ...{
      id,
      name: 'a run',
      createdAt: 1,
      updatedAt: 2,
      status: 'running',
      modelId: 'm',
      modelName: 'model',
      datasetName: 'd.csv',
    },
    ...{ datasetHash: 'h', examples: 3, recipe: defaultRecipe(), step: 0, totalSteps: 100, baseLoss: null, tunedLoss: null },
    ...{ bestLoss: null, device: 'test', executor: 'wasm', trainable: 4, format: 2, parameters: [] },
    ...changes,
  };
}

/** A state that is different for each step. */
export function snapshot(step: number, count = 1000): Snapshot {
  const ramp = (factor: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(step * 7 + i * factor));
  return { step, parameters: ramp(1), m: ramp(2), v: ramp(3) };
}

export function dataset(hash: string, tokens = 100): EncodedDataset {
  const split = (count: number) => ({
    ids: Int32Array.from({ length: count }, (_, i) => i * 3),
    trained: Uint8Array.from({ length: count }, (_, i) => i % 2),
    offsets: Uint32Array.of(0, count),
    lines: Uint32Array.of(1),
  });
  const stats = {
    ...{
      examples: 1,
      tokens,
      trainedTokens: tokens / 2,
      truncated: 0,
      dropped: [{ line: 4, message: 'empty' }],
      droppedCount: 1,
    },
    ...{ histogram: { width: 8, counts: [1] }, maxLength: tokens, meanLength: tokens, packedTokens: tokens },
  };
  const empty = { ids: new Int32Array(0), trained: new Uint8Array(0), offsets: Uint32Array.of(0), lines: new Uint32Array(0) };
  return { train: split(tokens), heldOut: empty, hash, stats };
}

/** A dataset of three labels for each example; nothing is held out. */
export function labelled(hash: string): EncodedDataset {
  const { train, ...rest } = dataset(hash);
  const types = train.trained.map((flag) => 1 - flag);
  return {
    ...rest,
    train: { ...train, types, targets: Float32Array.of(0, 1, 0.5) },
    layout: {
      ...{ kind: 'labelled', documents: 1, names: ['a', 'b', 'c'] },
      columns: [
        { name: 'types', dtype: 'i32', per: 'token', width: 1 },
        { name: 'targets', dtype: 'f32', per: 'document', width: 3 },
      ],
    },
  };
}

/** All records of the database, by store. */
export async function contents(name: string): Promise<Record<string, unknown[]>> {
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error('the database does not open'));
  });
  const stores = Array.from(db.objectStoreNames);
  const keys = stores.map(
    (store) =>
      new Promise<[string, unknown[]]>((resolve, reject) => {
        const request = db.transaction(store).objectStore(store).getAllKeys();
        request.onsuccess = () => resolve([store, request.result]);
        request.onerror = () => reject(new Error(`${store} can't be read`));
      }),
  );
  const found = Object.fromEntries(await Promise.all(keys));
  db.close();
  return found;
}

/** Changes the database without the store. */
export async function tamper(name: string, store: string, change: (objects: IDBObjectStore) => void): Promise<void> {
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error('the database does not open'));
  });
  const tx = db.transaction(store, 'readwrite');
  change(tx.objectStore(store));
  await new Promise<void>((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(new Error('the change was aborted'));
  });
  db.close();
}

export const drop = (name: string) => deleteDB(name);
