/** Adapters of runs combined to one: it answers, is exported and carried on as a run; what can't be combined is refused with the reason. */

import { afterEach, expect, test, vi } from 'vitest';
import type { Fields } from '../../src/recipe/migrations';
import { parseRecipe } from '../../src/recipe/recipe';
import { closeServices, openTiny, tinyRecipe } from '../tiny-service';

vi.setConfig({ testTimeout: 120_000 });
afterEach(closeServices);
const ignore = () => undefined;
const learning = { maxSteps: 8, learningRate: 0.02, evalEvery: 8, saveEvery: 8, sampleEvery: 8 };
const half = (run: { readonly id: string }) => ({ runId: run.id, step: null, weight: 0.5 });
const request = { prompt: { text: 'The lamp' }, maxTokens: 8, temperature: 0, topP: 1, seed: 1 };

test('side by side, halves of one adapter answer as the whole; the result is exported, and a run starts from it', async () => {
  const { service, setup } = await openTiny('wasm');
  const run = await service.start(await setup(tinyRecipe(learning)), ignore);
  const settings = { name: 'both', density: 1, seed: 3 };
  const both = await service.combineAdapters({ ...settings, kind: 'cat', of: [half(run), half(run)] });
  expect(both).toMatchObject({ name: 'both', status: 'finished', trainable: 2 * run.trainable, modelId: run.modelId });
  expect(both.combined).toEqual({
    kind: 'cat',
    density: 1,
    seed: 3,
    of: [1, 2].map(() => ({ runId: run.id, name: run.name, step: 8, weight: 0.5 })),
  });
  const answers = await Promise.all([run, both].map(({ id }) => service.generate({ runId: id, step: null }, request, ignore)));
  expect(answers[1]?.ids).toEqual(answers[0]?.ids);
  expect(answers[0]?.ids).not.toEqual((await service.generate(null, request, ignore)).ids);

  const files = await service.exportRun(both.id, null, 'peft');
  const config = JSON.parse((await files.find(({ name }) => name === 'adapter_config.json')?.blob.text()) ?? '') as Fields;
  expect(config).toMatchObject({ r: 4, lora_alpha: 4, use_rslora: false });
  const { choices } = await service.exports(both.id);
  expect(choices.find(({ kind }) => kind === 'bundle')?.blocker).toMatch(/was combined from others/);

  const init = { run: both.id, name: both.name, step: null };
  const further = await service.start(await setup({ ...tinyRecipe(learning), method: both.recipe.method, init }), ignore);
  expect((await service.history(further.id)).evals[0]).toMatchObject({ step: 0 });
  expect((await service.history(further.id)).evals[0]?.loss).toBeCloseTo(run.tunedLoss ?? NaN, 5);
});

test('runs with averaged weights are combined by their averages, which are what answers', async () => {
  const { service, setup } = await openTiny('wasm');
  const run = await service.start(await setup(tinyRecipe({ ...learning, ema: 0.9 })), ignore);
  const both = await service.combineAdapters({ name: 'both', density: 1, seed: 3, kind: 'cat', of: [half(run), half(run)] });
  const { dataset } = await setup({ ...tinyRecipe(learning), heldOutRatio: 0 });
  const lossOf = async ({ id }: { readonly id: string }) =>
    (await service.measure({ runId: id, step: null, which: 'tuned', dataset }, ignore))?.loss ?? NaN;
  expect(await lossOf(both)).toBeCloseTo(await lossOf(run), 5);
});

test('what can’t be combined is refused with the reason', async () => {
  const { service, setup } = await openTiny('wasm');
  const [small, large, dora] = [
    await service.start(await setup(tinyRecipe(learning)), ignore),
    await service.start(await setup(tinyRecipe({ ...learning, rank: 3 })), ignore),
    await service.start(
      await setup({
        ...tinyRecipe(learning),
        method: parseRecipe({ version: 2, method: { kind: 'lora', useDora: true, rank: 2 } }).method,
      }),
      ignore,
    ),
  ];
  const combine = (kind: 'linear' | 'ties', of: readonly { readonly id: string }[], density = 0.5) =>
    service.combineAdapters({ name: 'x', kind, density, seed: 1, of: of.map(half) });
  await expect(combine('linear', [small, large])).rejects.toThrow(/their ranks are 2, 3; only side by side/);
  await expect(combine('linear', [small, dora])).rejects.toThrow(/DoRA trains magnitudes too/);
  await expect(combine('linear', [small])).rejects.toThrow(/choose two adapters or more/);
  await expect(combine('ties', [small, small], 0)).rejects.toThrow(/must be above 0/);
  expect(await service.runs()).toHaveLength(3);
});
