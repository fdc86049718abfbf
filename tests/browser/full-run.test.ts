/** A run of full fine-tuning through the service: trained, paused, resumed, asked, and saved as a whole model that can be opened. */

import { afterEach, expect, test, vi } from 'vitest';
import type { RunRecord } from '../../src/checkpoint/types';
import { openRunStore } from '../../src/checkpoint/store';
import { openFolder } from '../../src/model/folder';
import { readHeader } from '../../src/formats/safetensors-read';
import { parseRecipe } from '../../src/recipe/recipe';
import { closeServices, Events, openTiny, tinyFiles } from '../tiny-service';

vi.setConfig({ testTimeout: 300_000 });
afterEach(closeServices);

const recipe = parseRecipe({
  ...{ version: 2, method: { kind: 'full' }, learningRate: 3e-2, sequenceLength: 64, maxSteps: 4 },
  ...{ evalEvery: 2, sampleEvery: 4, saveEvery: 2 },
});

/** The trained weights of a run at its newest checkpoint, by name. */
async function trainedOf(database: string, runId: string): Promise<ReadonlyMap<string, Float32Array>> {
  const store = await openRunStore(database);
  const { parameters }: RunRecord = await store.run(runId);
  const { snapshot } = await store.load(runId, null);
  await store.close();
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  return new Map(parameters.map(({ name, shape, offset }) => [name, snapshot.parameters.subarray(offset, offset + size(shape))]));
}

test('trains the weights of the model, resumes, answers, and is saved as a model that can be opened', async () => {
  const { service, setup, store } = await openTiny('wasm');
  const events = new Events().when('step', () => void service.pause());
  const paused = await service.start(await setup(recipe), events.receive);
  expect(paused.status).toBe('paused');
  const run = await service.resume(paused.id, () => undefined);
  expect(run).toMatchObject({ status: 'finished', step: 4 });
  expect(run.tunedLoss ?? Infinity).toBeLessThan(run.baseLoss ?? 0);

  const request = { prompt: { text: 'The lamp' }, maxTokens: 12, temperature: 0, topP: 1, seed: 1 };
  const [base, tuned] = [
    await service.generate(null, request, () => undefined),
    await service.generate({ runId: run.id, step: null }, request, () => undefined),
  ];
  expect(tuned.ids).not.toEqual(base.ids);

  const { choices } = await service.exports(run.id);
  expect(choices.filter(({ blocker }) => blocker === null).map(({ kind }) => kind)).toEqual([
    'gguf-q8_0',
    'gguf-q4_0',
    'gguf-f16',
    'mlx',
    'merged',
    'bundle',
    'report',
  ]);
  await expect(service.exportRun(run.id, null, 'peft')).rejects.toThrow('it has no adapter');
  const files = await service.exportRun(run.id, null, 'merged');
  const saved = await openFolder(files.map(({ name, blob }) => new File([blob], name)));

  const trained = await trainedOf(store, run.id);
  const before = (await tinyFiles(1)).find(({ name }) => name === 'model.safetensors') ?? new File([], '');
  const { tensors } = await readHeader(before, 'the base');
  expect([...trained.keys()].sort()).toEqual(tensors.map(({ name }) => name).sort());
  for (const { name, start, end } of tensors) {
    const tensor = saved.tensors.get(name);
    const written = new Float32Array((await tensor?.read(0, tensor.bytes)) ?? new ArrayBuffer(0));
    expect(written).toEqual(trained.get(name));
    expect(written).not.toEqual(new Float32Array(await before.slice(start, end).arrayBuffer()));
  }
});
