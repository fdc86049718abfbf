/** Held-out losses of a run belong to the steps where they were measured: in checkpoints, in the record, in the exported card. */

import { deleteDB } from 'idb';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import type { EncodedDataset } from '../../src/batch/types';
import { openRunStore, type IndexedRunStore } from '../../src/checkpoint/store';
import { fetchFiles, openFolder } from '../../src/model/folder';
import { parseRecipe } from '../../src/recipe/recipe';
import { openEngine, type Engine } from '../../src/train/engine';
import { exportedFiles } from '../../src/export';
import { tunedRun } from '../../src/train/exports';
import { LoadedModel } from '../../src/train/loaded';
import { storedParameters } from '../../src/train/records';
import { RunRecorder } from '../../src/train/recorder';
import { Run } from '../../src/train/run';
import type { EvalRow, TrainEvent } from '../../src/train/types';
import { freshName, record } from './store-fixtures';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
const STEPS = 8;
/** The learning rate rises until the loss does: it is 3.9 at step 4 and 9.8 at step 8. Every step makes a checkpoint, every fourth is measured. */
const recipe = parseRecipe({
  ...{ rank: 2, sequenceLength: 32, maxSteps: STEPS, learningRate: 0.03, warmupRatio: 1 },
  ...{ evalEvery: 4, saveEvery: 1, sampleEvery: 100 },
});

let engine: Engine;
let model: LoadedModel;
let dataset: EncodedDataset;
const opened: { readonly store: IndexedRunStore; readonly name: string }[] = [];

beforeAll(async () => {
  engine = await openEngine('wasm');
  const folder = await openFolder(await fetchFiles(new URL('/models/starter/', location.href), FILES));
  model = await LoadedModel.load(engine, folder, 'stored');
  const data = new Preparation();
  await data.open(new File([await (await fetch('/samples/lighthouse-keeper.jsonl')).blob()], 'lighthouse-keeper.jsonl'));
  await data.setTokenizer(folder.view.tokenizer);
  dataset = await data.encode(recipe);
});

afterEach(async () => {
  for (const { store, name } of opened.splice(0)) {
    await store.close();
    await deleteDB(name);
  }
});

/** Trains, and drops what came after the newest checkpoint once `dropAt` steps are done. */
async function trained(changes: Parameters<typeof parseRecipe>[0] = {}, dropAt = Infinity) {
  const settings = parseRecipe({ ...recipe, ...(changes as object) });
  const name = freshName();
  const store = await openRunStore(name);
  opened.push({ store, name });
  const controller = new AbortController();
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'step' && event.step >= dropAt) controller.abort('drop');
  };
  const parameters = storedParameters(model.config, settings);
  const known = { totalSteps: STEPS, datasetHash: dataset.hash, modelId: model.view.id, parameters };
  const started = record('run', { ...known, recipe: settings });
  await store.putDataset(dataset);
  await store.putRun(started);
  const unlock = await store.lock('run');
  const recorder = new RunRecorder(store, started, onEvent);
  await new Run(
    { model, store, recorder, tune: null, pace: null, signal: controller.signal, teacher: null, judges: new Map() },
    dataset,
  ).go(null, 0);
  unlock();
  const evals = (await store.rows('run', 'evals')) as readonly EvalRow[];
  return {
    store,
    stored: await store.run('run'),
    evals,
    at: (step: number) => evals.find((row) => row.step === step)?.loss ?? null,
  };
}

test('the best checkpoint is the one with the lowest measured loss, and unmeasured checkpoints have none', async () => {
  const { stored, at } = await trained();
  expect(at(8) ?? 0).toBeGreaterThan(at(4) ?? Infinity);
  expect(stored.checkpoints.map(({ step, loss, best }) => ({ step, loss, best }))).toEqual([
    { step: 4, loss: at(4), best: true },
    { step: 7, loss: null, best: false },
    { step: 8, loss: at(8), best: false },
  ]);
});

test('the card of an exported checkpoint has the loss of that step or none', async () => {
  const { store, stored, evals, at } = await trained();
  const cardOf = async (step: number) => {
    const { snapshot } = await store.load('run', step);
    const files = await exportedFiles('peft', tunedRun(stored, snapshot, evals, null));
    return files.find(({ name }) => name === 'README.md')?.blob.text();
  };
  expect(await cardOf(8)).toContain(`with this adapter | ${at(8)?.toFixed(4)}`);
  expect(await cardOf(7)).toContain('with this adapter | not measured');
});

test('a run whose last steps are dropped keeps no loss of a dropped step', async () => {
  const { stored, evals, at } = await trained({ saveEvery: 3, evalEvery: 2 }, 4);
  expect(stored.step).toBe(3);
  expect(evals.map(({ step }) => step)).toEqual([0, 2]);
  expect(stored.tunedLoss).toBe(at(2));
  expect(stored.bestLoss).toBe(Math.min(at(0) ?? Infinity, at(2) ?? Infinity));
});
