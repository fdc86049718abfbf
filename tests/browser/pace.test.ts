/** The pace of a device: measured on each executor, kept, and not while a run needs the device. */

import { afterEach, expect, it, vi } from 'vitest';
import { openEngine } from '../../src/train/engine';
import { measurePace } from '../../src/train/pace';
import { closeServices, Events, openTiny, tinyRecipe } from '../tiny-service';

vi.setConfig({ testTimeout: 300_000 });
afterEach(closeServices);

const never = new AbortController().signal;

it.each(['wasm', 'tfjs-wasm'] as const)('is measured on %s', async (kind) => {
  const engine = await openEngine(kind);
  const pace = await measurePace({ open: (graph) => engine.executor(graph), signal: never }, engine.machine);
  engine.close();
  expect(pace.flops).toBeGreaterThan(1e8);
  expect(pace.flops).toBeLessThan(1e14);
  expect(pace.bytes).toBeGreaterThan(1e7);
  expect(pace.bytes).toBeLessThan(1e13);
  expect(pace.node).toBeGreaterThanOrEqual(0);
  expect(pace.node).toBeLessThan(0.1);
});

it('gives forecasts a time, also at the next visit', async () => {
  const { service, another, setup } = await openTiny('wasm');
  const { modelId, recipe } = await setup();
  const seconds = async (of: typeof service) => (await of.forecast(modelId, recipe, { packedTokens: 4096 })).seconds;
  expect(await seconds(service)).toBeNull();
  expect(await service.measurePace()).toBe(true);
  const known = await seconds(service);
  expect(known).toBeGreaterThan(0);
  const next = await another();
  expect(await seconds(next)).toBe(known);
  expect(await next.measurePace()).toBe(true);
  expect(await seconds(next)).toBeLessThanOrEqual(known ?? 0);
});

it('is not measured during a run, and a run that begins ends the measurement', async () => {
  const { service, setup } = await openTiny('wasm');
  const events = new Events();
  // The dataset is ready first: the measurement could end while it is made.
  const run = await setup(tinyRecipe({ maxSteps: 1000 }));
  const measuring = service.measurePace();
  const training = service.start(run, events.receive);
  expect(await measuring).toBe(false);
  await expect.poll(() => events.of('step').length).toBeGreaterThan(0);
  expect(await service.measurePace()).toBe(false);
  await service.stop(false);
  await training;
});

it('is reported with a step of a model whose weights are not loaded', async () => {
  const { service, setup } = await openTiny('wasm');
  const { modelId, recipe } = await setup();
  const { peak, products, step } = await service.reportDevice(modelId, recipe);
  expect(peak).toBeGreaterThan(1e8);
  expect(products.map(({ rows, size }) => [rows, size])).toEqual([
    [1, 576],
    [256, 576],
    [512, 1024],
  ]);
  for (const rate of [...products.map(({ flops }) => flops), step.flops / step.seconds]) expect(rate).toBeGreaterThan(1e6);
  expect(step.tokens).toBe(recipe.sequenceLength * recipe.microBatch * recipe.gradientAccumulation);
});
