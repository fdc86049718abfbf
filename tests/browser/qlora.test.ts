/** Training with a 4-bit base, and with activations in f16, ends with almost the same loss as without: starter model, sample, same recipe. */

import { proxy, wrap } from 'comlink';
import { afterAll, expect, test } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import { parseRecipe } from '../../src/recipe/recipe';
import type { TrainApi } from '../../workers/api';

const STEPS = 60;
const ignore = proxy(() => undefined);
const worker = new Worker(new URL('../../workers/train.worker.ts', import.meta.url), { type: 'module' });
const api = wrap<TrainApi>(worker);
afterAll(() => worker.terminate());

/** Storage types of base and activations. */
const PRECISIONS = [
  ['stored', 'f32'],
  ['q4', 'f32'],
  ['stored', 'f16'],
] as const;

test('the final loss is within 2 % with a 4-bit base, and within 1 % with activations in f16', { timeout: 600_000 }, async () => {
  await api.openDevice('wasm');
  const view = await api.inspectModel({ kind: 'starter' });
  const data = new Preparation();
  const name = 'lighthouse-keeper.jsonl';
  await data.open(new File([await (await fetch(`/samples/${name}`)).blob()], name));
  await data.setTokenizer(view.tokenizer);
  const losses: { base: number; tuned: number }[] = [];
  for (const [basePrecision, activationPrecision] of PRECISIONS) {
    const held = { basePrecision, activationPrecision };
    const recipe = parseRecipe({ ...held, sequenceLength: 128, learningRate: 2e-3, maxSteps: STEPS, evalEvery: STEPS });
    await api.loadModel(view.id, basePrecision, ignore);
    const dataset = await data.encode(recipe);
    const { status, baseLoss, tunedLoss } = await api.start(
      { name: `${basePrecision} ${activationPrecision}`, modelId: view.id, recipe, dataset, datasetName: name, prompts: [] },
      ignore,
    );
    expect(status).toBe('finished');
    losses.push({ base: baseLoss ?? NaN, tuned: tunedLoss ?? NaN });
  }
  const [full, quantised, f16] = losses;
  expect(full && full.tuned / full.base).toBeLessThan(0.8);
  // The weights differ: the setting has an effect.
  expect(quantised?.base).not.toBe(full?.base);
  expect(Math.abs((quantised?.tuned ?? NaN) / (full?.tuned ?? NaN) - 1)).toBeLessThan(0.02);
  expect(f16?.base).not.toBe(full?.base);
  expect(Math.abs((f16?.tuned ?? NaN) / (full?.tuned ?? NaN) - 1)).toBeLessThan(0.01);
  console.info(
    'base and tuned loss of',
    PRECISIONS.map((held, i) => [...held, losses[i]?.base, losses[i]?.tuned].join(' ')).join('; '),
  );
});
