/** A run of IA³ through the service: trained, paused, resumed to the bytes of a run that was not, asked, and saved as an adapter. */

import { afterEach, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import type { Snapshot } from '../../src/checkpoint/types';
import { storedTensors } from '../../src/method/parameters';
import { readPeft } from '../../src/export/read-peft';
import { parseRecipe } from '../../src/recipe/recipe';
import { closeServices, Events, openTiny } from '../tiny-service';

vi.setConfig({ testTimeout: 300_000 });
afterEach(closeServices);

const recipe = parseRecipe({
  ...{ version: 2, method: { kind: 'ia3' }, learningRate: 0.1, sequenceLength: 64, maxSteps: 4 },
  ...{ evalEvery: 2, sampleEvery: 4, saveEvery: 2 },
});

const bits = ({ parameters, m, v }: Snapshot) => [parameters, m, v].map((data) => new Uint32Array(data.buffer));

test('trains vectors, resumes to the same bytes, answers, and is saved as an adapter', async () => {
  const { service, setup, store: database } = await openTiny('wasm');
  const whole = await service.start(await setup(recipe), () => undefined);
  const events = new Events().when('step', () => void service.pause());
  const paused = await service.start(await setup(recipe), events.receive);
  expect(paused.status).toBe('paused');
  const run = await service.resume(paused.id, () => undefined);
  expect(run).toMatchObject({ status: 'finished', step: 4, trainable: 8 + 8 + 32 });
  // Other tests see the loss fall: a random model has nothing that would help with held-out texts.
  expect(run.tunedLoss).not.toBe(run.baseLoss);

  const store = await openRunStore(database);
  const [a, b] = await Promise.all([store.load(whole.id, null), store.load(run.id, null)]);
  const { parameters } = await store.run(run.id);
  await store.close();
  expect(bits(b.snapshot)).toEqual(bits(a.snapshot));

  const request = { prompt: { text: 'The lamp' }, maxTokens: 12, temperature: 0, topP: 1, seed: 1 };
  const [base, tuned] = [
    await service.generate(null, request, () => undefined),
    await service.generate({ runId: run.id, step: null }, request, () => undefined),
  ];
  expect(tuned.ids).not.toEqual(base.ids);

  const { choices } = await service.exports(run.id);
  expect(choices.filter(({ blocker }) => blocker === null).map(({ kind }) => kind)).toEqual([
    'peft',
    'gguf-q8_0',
    'gguf-q4_0',
    'gguf-f16',
    'merged',
    'bundle',
    'report',
  ]);
  const files = await service.exportRun(run.id, null, 'peft');
  const at = (name: string) => files.find((file) => file.name === name)?.blob ?? new Blob();
  const saved = await readPeft(await at('adapter_config.json').text(), at('adapter_model.safetensors'));
  expect(saved.method).toMatchObject({ kind: 'ia3', scaledOutputs: ['k_proj', 'v_proj'], scaledInputs: ['down_proj'] });
  const trained = new Map(storedTensors(parameters, b.snapshot.parameters).map(({ name, data }) => [name, data]));
  expect(new Map(saved.tensors.map(({ name, data }) => [name, data]))).toEqual(
    new Map([...trained].sort(([x], [y]) => (x < y ? -1 : 1))),
  );
  expect(await at('README.md').text()).toContain('An IA³ adapter for');
});
