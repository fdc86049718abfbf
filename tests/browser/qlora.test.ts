/** A 4-bit base, and activations in 16 bits, learn as what is stored whole does: the starter model, a sample, the same recipe, the loss at the end. */

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

/** How the base and the activations are held. */
const PRECISIONS = [
  ['stored', 'f32'],
  ['q4', 'f32'],
  ['stored', 'f16'],
] as const;

test(
  'the loss on a 4-bit base ends within 2 % of the loss on f16, and with activations in f16 within 1 %',
  { timeout: 600_000 },
  async () => {
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
    const [full, quantised, halved] = losses;
    expect(full && full.tuned / full.base).toBeLessThan(0.8);
    // They are different weights, not a setting that does nothing.
    expect(quantised?.base).not.toBe(full?.base);
    expect(Math.abs((quantised?.tuned ?? NaN) / (full?.tuned ?? NaN) - 1)).toBeLessThan(0.02);
    expect(halved?.base).not.toBe(full?.base);
    expect(Math.abs((halved?.tuned ?? NaN) / (full?.tuned ?? NaN) - 1)).toBeLessThan(0.01);
    console.info(
      'base and tuned loss of',
      PRECISIONS.map((held, i) => [...held, losses[i]?.base, losses[i]?.tuned].join(' ')).join('; '),
    );
  },
);
