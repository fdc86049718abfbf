/** A run that carries on another one: what it starts from, what it keeps of it, and what is refused with what to do. */

import { describe, expect, it } from 'vitest';
import { SplitWriter } from '../../src/batch/split-writer';
import type { EncodedDataset } from '../../src/batch/types';
import { currentRecord, dataOf, type AnyRecord } from '../../src/checkpoint/format';
import type { RunRecord, RunStore, Snapshot } from '../../src/checkpoint/types';
import { CodedError } from '../../src/core/errors';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { startingState, stateFrom, withOrigin } from '../../src/train/origin';

const lora = { kind: 'lora', rank: 2, alpha: 4 };
const A = { name: 'x.lora_A.weight', shape: [2, 3], offset: 0 };
const B = { name: 'x.lora_B.weight', shape: [1, 2], offset: 6 };

const record = (changes: Partial<RunRecord> = {}): RunRecord => ({
  ...{ id: 'old', name: 'the first', createdAt: 0, updatedAt: 0, status: 'finished', modelId: 'm', modelName: 'tiny' },
  ...{ datasetName: 'old.csv', datasetHash: 'data of old', examples: 10, recipe: parseRecipe({ version: 2, method: lora }) },
  ...{ step: 9, totalSteps: 9, baseLoss: 2, tunedLoss: 1, bestLoss: 1, device: 'CPU', executor: 'wasm', trainable: 8 },
  ...{ format: 2, parameters: [A, B], ...changes },
});

const floats = (...numbers: number[]) => Float32Array.from(numbers);
const snapshot: Snapshot = { step: 9, parameters: floats(1, 2, 3, 4, 5, 6, 7, 8), m: floats(9), v: floats(9) };

function data(count: number, hash: string): EncodedDataset {
  const writer = new SplitWriter();
  for (let i = 0; i < count; i++) writer.add({ documents: [{ ids: [i, i], trained: [0, 1] }], target: [], line: i + 1 });
  const stats = {
    ...{ examples: count, tokens: 2 * count, trainedTokens: count, truncated: 0, dropped: [], droppedCount: 0 },
    ...{ histogram: { width: 8, counts: [] }, maxLength: 2, meanLength: 2, packedTokens: 2 * count },
  };
  return { train: writer.finish(), heldOut: new SplitWriter().finish(), hash, stats };
}

/** A store with one run, and its data unless they are lost. */
function storeOf(run: RunRecord, kept: EncodedDataset | null): RunStore {
  const missing = () => Promise.reject(new CodedError('store/corrupt', 'gone'));
  const parts: Partial<RunStore> = {
    run: (id) =>
      id === run.id
        ? Promise.resolve({ ...run, checkpoints: [], newest: { step: null, evaluation: null }, locked: false })
        : missing(),
    load: (_, step) => (step === null || step === 9 ? Promise.resolve({ snapshot, skipped: [] }) : missing()),
    dataset: (hash) =>
      hash === kept?.hash || hash === run.datasetHash ? (kept === null ? missing() : Promise.resolve(kept)) : missing(),
  };
  return parts as RunStore;
}

const carryOn = (changes: Partial<Recipe> = {}): Recipe => ({
  ...record().recipe,
  init: { run: 'old', name: 'the first', step: null },
  ...changes,
});
const setupWith = (recipe: Recipe) => ({
  ...{ name: 'next', modelId: 'm', recipe, dataset: data(8, 'new'), datasetName: 'new.csv', prompts: [] },
});

describe('the origin of a run', () => {
  it('is none for a fresh start, which replays nothing', async () => {
    const setup = setupWith(record().recipe);
    expect(await withOrigin(setup, storeOf(record(), null))).toBe(setup);
    expect(await startingState(record(), storeOf(record(), null))).toBeNull();
    const replaying = setupWith({ ...record().recipe, replay: 0.2 });
    await expect(withOrigin(replaying, storeOf(record(), null))).rejects.toThrow(/Replay needs a run to start from/);
  });

  it('names run and checkpoint, and has the data for later', async () => {
    const { recipe, parent, dataset } = await withOrigin(setupWith(carryOn()), storeOf(record(), data(20, 'data of old')));
    expect(recipe.init).toEqual({ run: 'old', name: 'the first', step: 9 });
    expect(parent).toEqual({
      ...{ runId: 'old', name: 'the first', step: 9, datasetName: 'old.csv', datasetHash: 'data of old', replayed: 0 },
      recipe: record().recipe,
    });
    expect(dataset.hash).toBe('new');
    const lost = await withOrigin(setupWith(carryOn()), storeOf(record(), null));
    expect(lost.parent).not.toHaveProperty('datasetHash');
  });

  it('replays stored data, or those that are given, and asks for them when there are none', async () => {
    const recipe = carryOn({ replay: 0.5 });
    const stored = await withOrigin(setupWith(recipe), storeOf(record(), data(20, 'data of old')));
    expect([stored.parent?.replayed, stored.dataset.train.lines.length]).toEqual([8, 16]);
    const given = await withOrigin({ ...setupWith(recipe), old: data(5, 'given') }, storeOf(record(), null));
    expect([given.parent?.replayed, given.parent?.datasetHash, given.old?.hash]).toEqual([5, 'given', 'given']);
    await expect(withOrigin(setupWith(recipe), storeOf(record(), null))).rejects.toThrow(
      /Replay needs the data of the first \(old\.csv\).*Open their file.*or set Replay to 0/,
    );
    await expect(withOrigin(setupWith(carryOn({ replay: 0.01 })), storeOf(record(), data(20, 'data of old')))).rejects.toThrow(
      /No example of the data of the first can be replayed/,
    );
  });

  it('is looked up again for a run without a checkpoint', async () => {
    const started = record({ id: 'next', recipe: carryOn({ init: { run: 'old', name: 'the first', step: 9 } }) });
    const state = await startingState(started, storeOf(record(), null));
    expect(state).toMatchObject({ step: 0 });
    expect([state?.parameters.subarray(0, 8), state?.m.subarray(0, 8)]).toEqual([
      snapshot.parameters,
      floats(0, 0, 0, 0, 0, 0, 0, 0),
    ]);
    const gone = record({ id: 'next', recipe: carryOn({ init: { run: 'another', name: 'it', step: 9 } }) });
    await expect(startingState(gone, storeOf(record(), null))).rejects.toMatchObject({ code: 'store/corrupt' });
  });
});

describe('the state from another run', () => {
  it('has each parameter where the new run has it', () => {
    const parameters = [
      { ...B, offset: 0 },
      { ...A, offset: 2 },
    ];
    const state = stateFrom(record({ parameters }), record(), snapshot);
    expect(state.parameters.subarray(0, 8)).toEqual(floats(7, 8, 1, 2, 3, 4, 5, 6));
  });

  it('leaves out what training alone needed, and starts it at zero where it is new', () => {
    const value = { name: 'v_head.weight', shape: [2], offset: 8, trainingOnly: true } as const;
    const withValue: Snapshot = { ...snapshot, parameters: floats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) };
    const plain = stateFrom(record(), record({ parameters: [A, B, value] }), withValue).parameters;
    expect(plain.subarray(0, 8)).toEqual(snapshot.parameters);
    const added = stateFrom(record({ parameters: [A, B, value] }), record(), snapshot).parameters;
    expect(added.subarray(0, 10)).toEqual(floats(1, 2, 3, 4, 5, 6, 7, 8, 0, 0));
  });

  it('is taken with other settings of training', () => {
    const recipe = parseRecipe({
      version: 2,
      method: { ...lora, dropout: 0.1, loraPlusRatio: 4 },
      learningRate: 1,
      activationPrecision: 'f16',
    });
    expect(stateFrom(record({ recipe }), record(), snapshot).scaling).toEqual(floats(2 ** 16, 0));
  });

  it.each([
    ['another model', { modelId: 'other' }, /it was trained on tiny\. Choose that model/],
    ['other shapes', { parameters: [A, { ...B, shape: [2, 2] }] }, /it trains other weights\. Take the method and its settings/],
    [
      'another scale',
      { recipe: parseRecipe({ version: 2, method: { ...lora, alpha: 8 } }) },
      /Alpha is 4 there and 8 here\. Take the method/,
    ],
    ['other labels', { labels: ['b', 'a'] }, /its labels are “a”, “b”, those of the data “b”, “a”\. Take data with its labels/],
  ])('is refused for %s', (_, changes, message) => {
    const from = record({ labels: ['a', 'b'] });
    expect(() => stateFrom(record({ labels: ['a', 'b'], ...changes }), from, snapshot)).toThrow(message);
  });

  it('asks nothing of labels that have no names', () => {
    const from = record({ labels: ['LABEL_0', 'LABEL_1'] });
    expect(stateFrom(record({ labels: ['a', 'b'] }), from, snapshot).step).toBe(0);
  });
});

describe('a stored run that carries on another one', () => {
  it('is read with the settings that were added since, also those of its parent', () => {
    const { replay: _, ...before } = record().recipe;
    const parent = {
      runId: 'old',
      name: 'the first',
      step: 9,
      datasetName: 'old.csv',
      datasetHash: 'old data',
      replayed: 2,
      recipe: before,
    };
    const stored: unknown = { ...record({ id: 'next', datasetHash: 'mixed' }), parent };
    const read = currentRecord(stored as AnyRecord);
    expect(read.parent?.recipe.replay).toBe(0);
    expect(dataOf(read)).toEqual(['mixed', 'old data']);
  });
});
