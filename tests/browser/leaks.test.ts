/** A run releases everything that it allocated and declared, however it ends; so does an answer. */

import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import { loraOf } from '../lora';
import { closeServices, countBuffers, Events, openTiny, trainVaried, varied, type TinyService } from '../tiny-service';

vi.setConfig({ testTimeout: 600_000 });
const ignore = () => undefined;
afterEach(closeServices);

/** What exists now on behalf of the loaded model. */
function held({ service }: TinyService, buffers: ReadonlySet<GPUBuffer> = new Set()) {
  const { model } = service;
  if (model === null) throw new Error('no model is loaded');
  return {
    bytes: model.executor.bytes(),
    declared: model.graph.declared().length,
    programs: model.decoder.programs,
    // There is no backend of tfjs unless it computes.
    tensors: Object.keys(tf.engine().registry).length === 0 ? 0 : tf.memory().numTensors,
    buffers: buffers.size,
  };
}

test.each([
  ['wasm', 100],
  ['tfjs-wasm', 20],
  ['webgpu', 11],
] as const)('on %s, %d runs leave nothing behind', async (kind, runs) => {
  const buffers = countBuffers();
  const tiny = await openTiny(kind);
  const rows: object[] = [];
  for (let index = 0; index < runs; index++) {
    await trainVaried(tiny, index);
    // Run 0 and every tenth after it end alike, with an answer of their adapter.
    if (index % 10 === 0) rows.push(held(tiny, buffers));
  }
  expect(rows.length).toBeGreaterThan(1);
  expect(rows).toEqual(rows.map(() => rows[0]));
});

test('a run whose checkpoint does not fit its session releases the session', async () => {
  const tiny = await openTiny('wasm');
  const { service, setup, store } = tiny;
  const events = new Events().when('step', () => void service.pause());
  const { id, recipe } = await service.start(await setup(varied(0)), events.receive);
  const before = held(tiny);
  const other = await openRunStore(store);
  await other.updateRun(id, { recipe: { ...recipe, method: { ...loraOf(recipe), rank: 3 } } });
  await other.close();
  await expect(service.resume(id, ignore)).rejects.toThrow(
    /internal: parameter .*lora_A.weight: got \[\d+,16\], expected \[3,16\]/,
  );
  expect(held(tiny)).toEqual(before);
});
