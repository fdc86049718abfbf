/** The average of the trained weights: its formula, what is measured with it, and that a restored session goes on with it. */

import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Batch } from '../../src/batch/types';
import { Graph } from '../../src/graph/graph';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { parseConfig } from '../../src/model/families';
import { declareWeights, weightSpecs } from '../../src/model/weights';
import { sizeOf } from '../../src/core/shape';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { stateFrom } from '../../src/train/origin';
import { LANGUAGE } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { storedParameters } from '../../src/train/records';
import { TrainingSession } from '../../src/train/session';
import type { RunRecord } from '../../src/checkpoint/types';
import { deviation } from '../deviation';
import type { GoldenCase } from '../parity/golden';
import { batchOf } from '../parity/job';
import { randomFloats } from '../random';

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url)).toString();
const config = parseConfig(golden('llama_pissa/config.json'));
const { steps } = JSON.parse(golden('llama_pissa/case.json')) as GoldenCase;
const batches = steps.map((step) => batchOf(step, config, LANGUAGE));
const DECAY = 0.75;

beforeAll(() => tf.setBackend('cpu'));

const recipeOf = (changes: object = {}): Recipe =>
  parseRecipe({
    ...{ version: 2, ema: DECAY, method: { kind: 'lora', rank: 2, useDora: true }, learningRate: 1e-2, schedule: 'constant' },
    ...{ warmupRatio: 0, microBatch: 3, sequenceLength: 24 },
    ...changes,
  });

async function open(recipe = recipeOf()): Promise<TrainingSession> {
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const programs = trainingPrograms(graph, config, recipe, 'run');
  const executor = new TfjsExecutor(graph, 'cpu');
  for (const [i, { name, shape }] of weightSpecs(config).entries())
    executor.write(
      graph.named(name),
      randomFloats(sizeOf(shape), i + 1).map((x) => (shape.length === 1 ? 1 : 0.2 * x)),
    );
  return TrainingSession.open(executor, config, programs, recipe, 10);
}

const at = (index: number): Batch => {
  const batch = batches[index % batches.length];
  if (batch === undefined) throw new Error('no batch');
  return batch;
};

async function averageOf(session: TrainingSession): Promise<Float32Array<ArrayBuffer>> {
  const { ema } = await session.snapshot();
  if (ema === undefined) throw new Error('no average');
  return ema;
}

describe('the average of the trained weights', () => {
  it('starts where they start, and moves a share of the way to them at each step', async () => {
    const session = await open();
    const { parameters, ema } = await session.snapshot();
    expect(ema).toEqual(parameters);
    let expected = Float64Array.from(parameters);
    for (let i = 0; i < 4; i++) {
      await session.advance({ batch: at });
      const now = (await session.snapshot()).parameters;
      expected = expected.map((average, k) => DECAY * average + (1 - DECAY) * (now[k] ?? NaN));
    }
    expect(deviation(await averageOf(session), expected)).toBeLessThan(1e-6);
    expect(deviation((await session.snapshot()).parameters, expected)).toBeGreaterThan(1e-3);
  });

  it('does not change the training', async () => {
    const [session, without] = [await open(), await open(recipeOf({ ema: 0 }))];
    for (let i = 0; i < 3; i++) {
      const [own, other] = [await session.advance({ batch: at }), await without.advance({ batch: at })];
      expect(own.loss).toBe(other.loss);
    }
    const state = await without.snapshot();
    expect(state.ema).toBeUndefined();
    expect((await session.snapshot()).parameters).toEqual(state.parameters);
  });

  it('is what is measured', async () => {
    const [session, plain] = [await open(), await open(recipeOf({ ema: 0 }))];
    for (let i = 0; i < 3; i++) await session.advance({ batch: at });
    const average = await averageOf(session);
    const state = await session.snapshot();
    plain.restore({ step: 3, parameters: average, m: state.m, v: state.v });
    const loss = async (of: TrainingSession) => (await of.measure([at(0)], 'tuned')).loss;
    expect(await loss(session)).toBe(await loss(plain));
    plain.restore({ step: 3, parameters: state.parameters, m: state.m, v: state.v });
    expect(await loss(session)).not.toBe(await loss(plain));
  });

  it('goes on after a restore with the same bytes', async () => {
    const [whole, first, second] = [await open(), await open(), await open()];
    for (let i = 0; i < 4; i++) await whole.advance({ batch: at });
    for (let i = 0; i < 2; i++) await first.advance({ batch: at });
    second.restore(await first.snapshot());
    for (let i = 0; i < 2; i++) await second.advance({ batch: at });
    expect(await second.snapshot()).toEqual(await whole.snapshot());
    const { ema, ...state } = await whole.snapshot();
    expect(ema).toBeDefined();
    expect(() => second.restore(state)).toThrow('has no average');
  });

  it('is what another run starts from', async () => {
    const session = await open();
    await session.advance({ batch: at });
    const recipe = recipeOf();
    const record = { name: 'run', modelId: 'm', recipe, parameters: storedParameters(config, recipe) } as unknown as RunRecord;
    const state = stateFrom(record, record, await session.snapshot());
    expect(state.parameters).toEqual(await averageOf(session));
    expect(state.ema).toEqual(state.parameters);
  });
});
