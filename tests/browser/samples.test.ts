/** Sample texts of a run on a device that has no memory for them: the run says so and goes on. The device counts, and computes nothing. */

import { deleteDB } from 'idb';
import { beforeAll, expect, test } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import type { EncodedDataset } from '../../src/batch/types';
import { openRunStore } from '../../src/checkpoint/store';
import { describe as describeDevice } from '../../src/gpu/device';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { fetchFiles, openFolder, type ModelFolder } from '../../src/model/folder';
import { parseRecipe } from '../../src/recipe/recipe';
import type { Engine } from '../../src/train/engine';
import { LoadedModel } from '../../src/train/loaded';
import { sampleCache } from '../../src/train/prompts';
import { Run } from '../../src/train/run';
import type { TrainEvent } from '../../src/train/types';
import { countingGpu } from '../unit/counting-gpu';
import { freshName, record } from './store-fixtures';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
const STEPS = 3;
const recipe = parseRecipe({ rank: 4, sequenceLength: 64, maxSteps: STEPS, sampleEvery: 1, evalEvery: STEPS });

let folder: ModelFolder;
let dataset: EncodedDataset;
beforeAll(async () => {
  folder = await openFolder(await fetchFiles(new URL('/models/starter/', location.href), FILES));
  const data = new Preparation();
  await data.open(new File([await (await fetch('/samples/lighthouse-keeper.jsonl')).blob()], 'lighthouse-keeper.jsonl'));
  await data.setTokenizer(folder.view.tokenizer);
  dataset = await data.encode(recipe);
});

function engineOf(memory: number): Engine {
  const device = describeDevice(countingGpu(memory), { vendor: 'counting' } as GPUAdapterInfo);
  const { maxBufferSize } = device.gpu.limits;
  const described = { adapter: device.name, software: false, reason: null, notes: [], tiles: {}, features: [] };
  return {
    ...{ device, peak: Promise.resolve(null), tunes: false, executor: () => new WebGpuExecutor(device) },
    machine: { target: device.target, budget: maxBufferSize },
    view: { executor: 'webgpu', maxBufferBytes: maxBufferSize, ...described },
  };
}

/** Trains on a device of `memory` bytes: the run's events, how it ended, and the bytes held at the end and at the first sample. */
async function runWith(memory: number) {
  const engine = engineOf(memory);
  const model = await LoadedModel.load(engine, folder, 'stored', () => undefined);
  const name = freshName();
  const store = await openRunStore(name);
  const events: TrainEvent[] = [];
  let sampled = 0;
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'sample' && sampled === 0) sampled = model.executor.bytes();
    events.push(event);
  };
  const { machine, peak } = engine;
  const context = { model, machine, store, valuePrefix: 'run', onEvent, tune: null, peak, loss: new Promise<never>(() => null) };
  const started = record('run', { recipe, totalSteps: STEPS, datasetHash: dataset.hash });
  await store.putDataset(dataset);
  await store.putRun(started);
  const unlock = await store.lock('run');
  const { status } = await new Run(context, started, dataset).go(null, 0);
  const held = model.executor.bytes();
  model.dispose();
  unlock();
  await store.close();
  await deleteDB(name);
  return { events, status, held, sampled };
}

const count = (events: readonly TrainEvent[], type: TrainEvent['type']) => events.filter((event) => event.type === type).length;

/** Bytes of the keys and values in halves of all layers. */
function cacheBytes(): number {
  const { config } = folder;
  const { sequences, positions } = sampleCache(config, recipe);
  return sequences * positions * config.layers * 2 * config.kvHeads * config.headDim * 2;
}

test('a device without memory for the samples says so, and the run goes on', async () => {
  const enough = await runWith(Infinity);
  expect(enough.status).toBe('finished');
  expect(count(enough.events, 'sample')).toBeGreaterThanOrEqual(STEPS);
  expect(enough.events.filter((event) => event.type === 'notice')).toEqual([]);

  const short = await runWith(enough.sampled - Math.ceil(cacheBytes() / 2));
  const notices = short.events.filter((event) => event.type === 'notice');
  expect(short.status).toBe('finished');
  expect(count(short.events, 'step')).toBe(STEPS);
  expect(count(short.events, 'sample')).toBe(0);
  expect(notices.map(({ code }) => code)).toEqual(Array.from({ length: STEPS }, () => 'gpu/memory'));
  expect(notices[0]?.message).toContain('The training goes on');
  expect(short.held).toBeLessThan(enough.held - cacheBytes() + 4096);
});
