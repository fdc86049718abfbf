/**
 * A run that overfits ends by itself at a step that depends on its measurements alone: with a pause before it too. Its best step is kept,
 * and is that of the same run without an early stop, as which it can be carried on.
 */

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import type { EvalRow, RunView } from '../../src/train/types';
import { closeServices, Events, openTiny, tinyRecipe, type TinyService } from '../tiny-service';

vi.setConfig({ testTimeout: 120_000 });

/** So high a rate that the model soon knows its few examples by heart. Checkpoints are due more seldom than measurements. */
const recipe = (patience: number) =>
  tinyRecipe({
    ...{ rank: 8, alpha: 32, learningRate: 0.03, maxSteps: 60, heldOutRatio: 0.3, samplePrompts: ['Hello'] },
    ...{ evalEvery: 3, saveEvery: 25, sampleEvery: 60, patience },
  });

let tiny: TinyService;
let ended: RunView;
beforeAll(async () => {
  tiny = await openTiny('wasm');
  ended = await tiny.service.start(await tiny.setup(recipe(4)), () => undefined);
});
afterAll(closeServices);

const evalsOf = async ({ id }: RunView) => (await tiny.service.history(id)).evals;
const lowest = (evals: readonly EvalRow[]) => evals.reduce((a, b) => (b.loss < a.loss ? b : a));

async function parametersOf({ id }: RunView, step: number) {
  const store = await openRunStore(tiny.store);
  const { snapshot } = await store.load(id, step);
  await store.close();
  return snapshot;
}

test('it ends before its last step, says why, and keeps its best step', async () => {
  const evals = await evalsOf(ended);
  const best = lowest(evals);
  const last = evals.at(-1);
  expect(best.step).toBeGreaterThan(0);
  expect(ended.step).toBeLessThan(60);
  expect(ended).toMatchObject({ status: 'finished', step: last?.step });
  expect(ended.earlyStop).toEqual({
    ...{ step: ended.step, monitor: 'loss', value: last?.loss, waited: (ended.step - best.step) / 3 },
    best: { step: best.step, value: best.loss },
  });
  expect(ended.checkpoints.filter(({ best }) => best)).toMatchObject([{ step: best.step, loss: best.loss }]);
  expect(ended.checkpoints.map(({ step }) => step)).toContain(ended.step);
});

test('with a pause on its way, in another tab, it ends at the same step with the same bytes', async () => {
  const events = new Events();
  events.when('step', ({ step }) => step === ended.step - 2 && void tiny.service.pause());
  const paused = await tiny.service.start(await tiny.setup(recipe(4)), events.receive);
  expect(paused).toMatchObject({ status: 'paused' });
  expect(paused.step).toBeLessThan(ended.step);
  const run = await (await tiny.another()).resume(paused.id, () => undefined);
  expect(run).toMatchObject({ status: 'finished', earlyStop: ended.earlyStop });
  expect(await evalsOf(run)).toEqual(await evalsOf(ended));
  expect(await parametersOf(run, run.step)).toEqual(await parametersOf(ended, ended.step));
});

test('without patience it trains to its last step and has the same best one; so has the ended run when it is carried on', async () => {
  const whole = await tiny.service.start(await tiny.setup(recipe(0)), () => undefined);
  expect(whole).toMatchObject({ status: 'finished', step: 60 });
  expect(whole).not.toHaveProperty('earlyStop');
  const evals = await evalsOf(whole);
  const own = await evalsOf(ended);
  expect(evals.slice(0, own.length)).toEqual(own);
  expect(whole.checkpoints.find(({ best }) => best)?.step).toBe(ended.earlyStop?.best.step);
  const carried = await tiny.service.resume(ended.id, () => undefined);
  expect(carried).toMatchObject({ status: 'finished', step: 60, earlyStop: { ...ended.earlyStop, carriedOn: true } });
  expect(await evalsOf(carried)).toEqual(evals);
  expect(await parametersOf(carried, 60)).toEqual(await parametersOf(whole, 60));
  expect(carried.checkpoints.find(({ best }) => best)?.step).toBe(ended.earlyStop?.best.step);
});
