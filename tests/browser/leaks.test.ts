/** A run gives back all that it declared on the device and in the graph, however it ends; so does an answer. */

import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import type { RunView } from '../../src/train/types';
import { closeBenches, Events, onRequestDevice, openBench, tinyRecipe, type Bench } from './service-fixtures';

vi.setConfig({ testTimeout: 600_000 });
const ignore = () => undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await closeBenches();
});

/** GPU buffers that exist, of every device requested from here on. */
function countBuffers(): Set<GPUBuffer> {
  const live = new Set<GPUBuffer>();
  onRequestDevice((device) => {
    const create = device.createBuffer.bind(device);
    device.createBuffer = (wanted) => {
      const buffer = create(wanted);
      const destroy = buffer.destroy.bind(buffer);
      live.add(buffer);
      buffer.destroy = () => {
        live.delete(buffer);
        destroy();
      };
      return buffer;
    };
  });
  return live;
}

/** What the loaded model holds now. */
function held({ service }: Bench, buffers: ReadonlySet<GPUBuffer>) {
  const { model } = service;
  if (model === null) throw new Error('no model is loaded');
  return {
    bytes: model.executor.bytes(),
    declared: model.graph.declared().length,
    programs: model.decoder.programs,
    tensors: tf.memory().numTensors,
    buffers: buffers.size,
  };
}

/** The runs differ in what the names and sizes of their values depend on. */
const recipeOf = (index: number) =>
  tinyRecipe({ ...(index % 2 === 0 ? { rank: 2, sequenceLength: 64 } : { rank: 3, sequenceLength: 48 }), seed: index });

/** Trains a run to an end that depends on `index`, and lets an adapter answer after every fifth. */
async function trainOne(bench: Bench, index: number): Promise<void> {
  const { service, setup } = bench;
  const recipe = recipeOf(index);
  const events = new Events();
  const setupOf = (changes: Partial<typeof recipe> = {}) => setup({ ...recipe, ...changes });
  let run: RunView | null = null;
  if (index % 10 === 7) await expect(service.start(await setupOf({ learningRate: 1e38 }), ignore)).rejects.toThrow('diverged');
  else if (index % 10 === 4) {
    events.when('step', () => void service.stop(false));
    run = await service.start(await setupOf(), events.receive);
  } else if (index % 10 === 2) {
    events.when('step', () => void service.pause());
    const paused = await service.start(await setupOf(), events.receive);
    expect(paused.status).toBe('paused');
    run = await service.resume(paused.id, ignore);
  } else run = await service.start(await setupOf(), ignore);
  const request = { prompt: { text: 'The lamp' }, maxTokens: 3, temperature: 0, topP: 1, seed: 1 };
  if (index % 5 === 0) await service.generate(run && { runId: run.id, step: null }, request, ignore);
}

test.each([
  ['wasm', 100],
  ['webgpu', 20],
] as const)('on %s, %d runs leave no more behind than the first ten', async (kind, runs) => {
  const buffers = countBuffers();
  const bench = await openBench(kind);
  const rows: object[] = [];
  for (let index = 0; index < runs; index++) {
    await trainOne(bench, index);
    if (index % 10 === 0) rows.push(held(bench, buffers));
  }
  expect(rows.length).toBeGreaterThan(1);
  expect(rows).toEqual(rows.map(() => rows[0]));
});

test('a run whose checkpoint does not fit its session releases the session', async () => {
  const bench = await openBench('wasm');
  const { service, setup, store } = bench;
  const events = new Events().when('step', () => void service.pause());
  const { id, recipe } = await service.start(await setup(recipeOf(0)), events.receive);
  const before = held(bench, new Set());
  const other = await openRunStore(store);
  await other.updateRun(id, { recipe: { ...recipe, rank: 3 } });
  await other.close();
  await expect(service.resume(id, ignore)).rejects.toThrow(/internal: .* takes \d+ elements/);
  expect(held(bench, new Set())).toEqual(before);
});
