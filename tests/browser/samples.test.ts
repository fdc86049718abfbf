/** Sample texts of a run on a device without memory for them: the run reports that and continues. The device only counts bytes. */

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
import { DeviceLoss } from '../../src/train/loss';
import { sampleCache } from '../../src/train/prompts';
import { RunRecorder } from '../../src/train/recorder';
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
    ...{
      device,
      peak: () => Promise.resolve(null),
      tunes: false,
      loss: new DeviceLoss(null),
      executor: () => new WebGpuExecutor(device),
      close: () => undefined,
    },
    machine: { target: device.target, budget: maxBufferSize },
    view: { executor: 'webgpu', maxBufferBytes: maxBufferSize, ...described },
  };
}

/** Trains on a device of `memory` bytes: events and status of the run, and the bytes allocated at the end and at the first sample. */
async function runWith(memory: number) {
  const engine = engineOf(memory);
  const model = await LoadedModel.load(engine, folder, 'stored');
  const name = freshName();
  const store = await openRunStore(name);
  const events: TrainEvent[] = [];
  let sampled = 0;
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'sample' && sampled === 0) sampled = model.executor.bytes();
    events.push(event);
  };
  const started = record('run', { recipe, totalSteps: STEPS, datasetHash: dataset.hash });
  await store.putDataset(dataset);
  await store.putRun(started);
  const unlock = await store.lock('run');
  const recorder = new RunRecorder(store, started, onEvent);
  const run = new Run(
    { model, store, recorder, tune: null, pace: null, signal: new AbortController().signal, teacher: null, judges: new Map() },
    dataset,
  );
  const { status } = await run.go(null, 0);
  const held = model.executor.bytes();
  await model.dispose();
  unlock();
  await store.close();
  await deleteDB(name);
  return { events, status, held, sampled };
}

const count = (events: readonly TrainEvent[], type: TrainEvent['type']) => events.filter((event) => event.type === type).length;

/** Bytes of the keys and values of all layers, in f16. */
function cacheBytes(): number {
  const { config } = folder;
  const { sequences, positions } = sampleCache(config, recipe);
  return config.attention.reduce((sum, { kvHeads, headDim }) => sum + sequences * positions * 2 * kvHeads * headDim * 2, 0);
}

test('without memory for samples the run reports that and continues', async () => {
  const enough = await runWith(Infinity);
  expect(enough.status).toBe('finished');
  expect(count(enough.events, 'sample')).toBeGreaterThanOrEqual(STEPS);
  expect(enough.events.filter((event) => event.type === 'notice')).toEqual([]);

  // Too little for the cache, also for one of the length that the prompts need.
  const short = await runWith(enough.sampled - Math.ceil(0.75 * cacheBytes()));
  const notices = short.events.filter((event) => event.type === 'notice');
  expect(short.status).toBe('finished');
  expect(count(short.events, 'step')).toBe(STEPS);
  expect(count(short.events, 'sample')).toBe(0);
  expect(notices.map(({ code }) => code)).toEqual(Array.from({ length: STEPS }, () => 'gpu/memory'));
  expect(notices[0]?.message).toContain('The training continues');
  expect(short.held).toBeLessThan(enough.held - cacheBytes() + 4096);
});
