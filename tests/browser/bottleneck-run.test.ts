/** A run of bottleneck adapters through the service: trained, paused, resumed to the same bytes, saved, and opened again. */

import { afterEach, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import type { Snapshot } from '../../src/checkpoint/types';
import { parseRecipe } from '../../src/recipe/recipe';
import { closeServices, Events, openTiny } from '../tiny-service';

vi.setConfig({ testTimeout: 300_000 });
afterEach(closeServices);

const method = { kind: 'bottleneck', variant: 'houlsby', reductionFactor: 2, nonLinearity: 'gelu', adapterDropout: 0.1 };
const recipe = parseRecipe({
  ...{ version: 2, method, learningRate: 0.02, sequenceLength: 64, maxSteps: 4 },
  ...{ evalEvery: 2, sampleEvery: 4, saveEvery: 2 },
});

const bits = ({ parameters, m, v }: Snapshot) => [parameters, m, v].map((data) => new Uint32Array(data.buffer));

test('trains adapters, resumes to the same bytes, and is saved for the adapters library and opened again', async () => {
  const { service, setup, model, store: database } = await openTiny('wasm');
  const whole = await service.start(await setup(recipe), () => undefined);
  const events = new Events().when('step', () => void service.pause());
  const paused = await service.start(await setup(recipe), events.receive);
  expect(paused.status).toBe('paused');
  const run = await service.resume(paused.id, () => undefined);
  expect(run).toMatchObject({ status: 'finished', step: 4 });
  expect(run.tunedLoss).not.toBe(run.baseLoss);

  const store = await openRunStore(database);
  const [a, b] = await Promise.all([store.load(whole.id, null), store.load(run.id, null)]);
  await store.close();
  expect(bits(b.snapshot)).toEqual(bits(a.snapshot));

  const files = await service.exportRun(run.id, null, 'adapters');
  const own = files.filter(({ name }) => !name.includes('/')).map(({ name, blob }) => new File([blob], name));
  expect(own.map(({ name }) => name)).toEqual(['adapter_config.json', 'adapter.safetensors', 'README.md']);
  expect(await own[2]?.text()).toContain('Bottleneck adapters for');
  const back = await service.importAdapter(model.id, own, 'from-elsewhere');
  expect(back).toMatchObject({ imported: true, trainable: run.trainable });
  expect(back.recipe.method).toEqual(recipe.method);
  const request = { prompt: { text: 'The lamp' }, maxTokens: 12, temperature: 0, topP: 1, seed: 1 };
  const answer = (id: string | null) =>
    service.generate(id === null ? null : { runId: id, step: null }, request, () => undefined);
  const [base, tuned, again] = [await answer(null), await answer(run.id), await answer(back.id)];
  expect(tuned.ids).not.toEqual(base.ids);
  expect(again.ids).toEqual(tuned.ids);
  const weights = async (id: string) => (await service.exportRun(id, null, 'adapters'))[1]?.blob.bytes();
  expect(await weights(back.id)).toEqual(await files[1]?.blob.bytes());
});
