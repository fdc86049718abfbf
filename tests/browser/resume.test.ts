/**
 * A run of 2N steps, and one whose worker is killed after N: adapter, moments and metrics must be the same bytes. On the WebGPU
 * executor, with f16 embeddings, a 4-bit base, f16 activations under a loss scale, dropout and accumulation.
 */

import { proxy, wrap, type Remote } from 'comlink';
import { afterAll, expect, test } from 'vitest';
import type { EncodedDataset, EncodedSplit } from '../../src/batch/types';
import { openRunStore } from '../../src/checkpoint/store';
import type { Snapshot } from '../../src/checkpoint/types';
import { uniform } from '../../src/core/random';
import { candidateTiles, productOf } from '../../kernels/lib/tile';
import { openDevice } from '../../src/gpu/device';
import { parseRecipe } from '../../src/recipe/recipe';
import { deviceKey, type Tiles } from '../../src/train/tune';
import type { RunHistory, TrainApi, TrainEvent } from '../../workers/api';

const STEPS = 8;
const recipe = parseRecipe({
  basePrecision: 'q4',
  activationPrecision: 'f16',
  rank: 2,
  dropout: 0.1,
  targetModules: ['q_proj', 'down_proj'],
  learningRate: 5e-3,
  sequenceLength: 24,
  order: 'short-first',
  gradientAccumulation: 2,
  maxSteps: STEPS,
  evalEvery: STEPS / 2,
  saveEvery: STEPS / 2,
  sampleEvery: STEPS,
  samplePrompts: ['Where is my parcel?'],
});

const workers: Worker[] = [];
afterAll(() => {
  for (const worker of workers) worker.terminate();
});

interface Trainer {
  readonly worker: Worker;
  readonly api: Remote<TrainApi>;
  readonly modelId: string;
}

/** A new worker with the starter model in 4 bits on the WebGPU executor. */
async function open(): Promise<Trainer> {
  const worker = new Worker(new URL('../../workers/train.worker.ts', import.meta.url), { type: 'module' });
  workers.push(worker);
  const api = wrap<TrainApi>(worker);
  expect((await api.openDevice('webgpu', { tune: true })).executor).toBe('webgpu');
  const { id } = await api.inspectModel({ kind: 'starter' });
  await api.loadModel(
    id,
    recipe.basePrecision,
    proxy(() => undefined),
  );
  return { worker, api, modelId: id };
}

function split(salt: number, examples: number): EncodedSplit {
  const lengths = Array.from({ length: examples }, (_, i) => 8 + Math.floor(12 * uniform(salt, 0, 0, i)));
  const offsets = [0];
  for (const length of lengths) offsets.push((offsets.at(-1) ?? 0) + length);
  const total = offsets.at(-1) ?? 0;
  return {
    ids: Int32Array.from({ length: total }, (_, i) => 4 + Math.floor(4000 * uniform(salt, 1, 0, i))),
    trained: Uint8Array.from({ length: total }, (_, i) => (offsets.includes(i) || offsets.includes(i - 1) ? 0 : 1)),
    offsets: Uint32Array.from(offsets),
    lines: Uint32Array.from(lengths.keys()),
  };
}

const dataset: EncodedDataset = {
  train: split(1, 12),
  heldOut: split(2, 3),
  hash: 'resume-test',
  stats: {
    ...{ examples: 15, tokens: 0, trainedTokens: 0, truncated: 0, dropped: [], droppedCount: 0, packedTokens: 0 },
    ...{ histogram: { width: 8, counts: [] }, maxLength: 20, meanLength: 14 },
  },
};

const setup = (name: string, modelId: string) => ({ name, modelId, recipe, dataset, datasetName: 'resume.jsonl', prompts: [] });

/** Trains until step `last` was reported and the first checkpoint was saved, then kills the worker. */
async function trainAndDie(last: number): Promise<string> {
  const { worker, api, modelId } = await open();
  return new Promise((resolve, reject) => {
    let id = '';
    let saved = false;
    const onEvent = (event: TrainEvent) => {
      if (event.type === 'status') id = event.run.id;
      if (event.type === 'checkpoint') saved = true;
      if (event.type !== 'step' || event.step < last || !saved) return;
      worker.terminate();
      resolve(id);
    };
    api
      .start(setup('killed', modelId), proxy(onEvent))
      .then(() => reject(new Error('the run ended before it was killed')), reject);
  });
}

/** The rows without times. */
function comparable({ steps, evals, samples }: RunHistory): unknown {
  return {
    evals,
    samples,
    steps: steps.map(({ seconds, tokensPerSecond, left, ...figures }) => figures),
  };
}

function bits({ parameters, m, v, scaling = new Float32Array() }: Snapshot): Uint32Array[] {
  return [parameters, m, v, scaling].map((data) => new Uint32Array(data.buffer));
}

/** Stores other tiles as the device's fastest than those that the run started with. */
async function otherWinners(runId: string): Promise<Tiles> {
  const store = await openRunStore();
  const device = await openDevice(navigator.gpu);
  const { tiles = {} } = await store.run(runId);
  const others = Object.entries(tiles).map(([name, tile]) => {
    const product = productOf(name);
    const names = product === null ? [] : [...candidateTiles(product, device.target).keys()];
    return [name, names.find((other) => other !== tile) ?? tile] as const;
  });
  expect(others.length).toBeGreaterThan(0);
  const winners = Object.fromEntries(others);
  await store.addTiles(deviceKey(device), winners);
  await store.close();
  device.gpu.destroy();
  return winners;
}

test('a killed run continues from its checkpoint to the same bytes', { timeout: 600_000 }, async () => {
  const { api, modelId } = await open();
  const whole = await api.start(
    setup('whole', modelId),
    proxy(() => undefined),
  );
  expect(whole.status).toBe('finished');

  const killed = await trainAndDie(STEPS / 2 + 1);
  const newer = await otherWinners(killed);
  const ignore = proxy(() => undefined);
  await api.loadModel(whole.modelId, 'stored', ignore);
  const offered = (await api.runs()).find(({ id }) => id === killed);
  expect(offered?.status).toBe('interrupted');
  await expect(api.resume(killed, ignore)).rejects.toThrow('needs the weights of Finetab starter in q4');
  await api.loadModel(whole.modelId, 'q4', ignore);
  const resumed = await api.resume(
    killed,
    proxy(() => undefined),
  );
  expect(resumed).toMatchObject({ status: 'finished', step: STEPS, baseLoss: whole.baseLoss, tunedLoss: whole.tunedLoss });

  const { tiles } = await api.runs().then((runs) => runs.find(({ id }) => id === killed) ?? whole);
  expect(tiles).toEqual(whole.tiles);
  expect(tiles).not.toEqual(newer);

  const store = await openRunStore();
  const [a, b] = await Promise.all([store.load(whole.id, null), store.load(killed, null)]);
  expect(a.snapshot.step).toBe(STEPS);
  expect(bits(b.snapshot)).toEqual(bits(a.snapshot));
  expect(a.snapshot.parameters.some((value) => value !== 0)).toBe(true);
  expect(a.snapshot.scaling?.[0]).toBeGreaterThan(1);
  expect(comparable(await api.history(killed))).toEqual(comparable(await api.history(whole.id)));
  await store.close();
});
