/** NEFTune's noise: the losses that transformers gives with the same noise, and what it must not change. */

import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Batch } from '../../src/batch/types';
import { readHeader } from '../../src/formats/safetensors-read';
import { Graph } from '../../src/graph/graph';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import type { GoldenCase, Tensor } from '../parity/golden';
import { batchOf } from '../parity/job';
import { writeGolden } from '../parity/write';
import { LANGUAGE } from '../../src/train/job';

const read = (path: string) => readFileSync(new URL(path, import.meta.url));
const golden = (path: string) => read(`../golden/${path}`);

interface Expected {
  readonly seed: number;
  readonly alpha: number;
  /** Of the first two micro-batches. */
  readonly losses: Readonly<Record<string, readonly number[]>>;
}

const expected = JSON.parse(read('fixtures/neftune.json').toString()) as Expected;

beforeAll(() => tf.setBackend('cpu'));

async function open(name: string, neftuneAlpha: number, seed = expected.seed) {
  const configText = golden(`${name}/config.json`).toString();
  const config = parseConfig(configText);
  const { steps } = JSON.parse(golden(`${name}/case.json`).toString()) as GoldenCase;
  const ids = steps[0]?.input_ids ?? [];
  const recipe = parseRecipe({
    ...{ version: 2, neftuneAlpha, seed, method: { kind: 'lora', rank: 2 } },
    ...{ microBatch: ids.length, sequenceLength: ids[0]?.length ?? 0, learningRate: 1e-8, schedule: 'constant', warmupRatio: 0 },
  });
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const programs = trainingPrograms(graph, config, recipe, 'run');
  const executor = new TfjsExecutor(graph, 'cpu');
  writeGolden(executor, graph, config, { configText, weights: await weightsOf(name) });
  const session = await TrainingSession.open(executor, config, programs, recipe, steps.length);
  const batches = steps.map((step) => batchOf(step, config, LANGUAGE));
  const at = (index: number): Batch => {
    const batch = batches[index];
    if (batch === undefined) throw new Error(`no batch ${index}`);
    return batch;
  };
  return { session, at };
}

async function weightsOf(name: string): Promise<ReadonlyMap<string, Tensor>> {
  const file = new Blob([golden(`${name}/model.safetensors`)]);
  const { tensors } = await readHeader(file, name);
  const data = async (start: number, end: number) => new Float32Array(await file.slice(start, end).arrayBuffer());
  return new Map(
    await Promise.all(
      tensors.map(async ({ name: tensor, shape, start, end }) => [tensor, { shape, data: await data(start, end) }] as const),
    ),
  );
}

describe('noise on the embeddings', () => {
  it.each(Object.entries(expected.losses))('of %s gives the losses of transformers', async (name, losses) => {
    const { session, at } = await open(name, expected.alpha);
    const first = await session.advance({ batch: at });
    const second = await session.advance({ batch: at });
    expect(Math.abs(first.loss / (losses[0] ?? NaN) - 1)).toBeLessThan(1e-6);
    // A step of 1e-8 lies between the two.
    expect(Math.abs(second.loss / (losses[1] ?? NaN) - 1)).toBeLessThan(2e-6);
  });

  it('is there in training only, depends on the seed, and is the same after a restore', async () => {
    const { session, at } = await open('llama_gqa', expected.alpha);
    const without = await open('llama_gqa', 0);
    const measured = async ({ session: of }: typeof without) => (await of.measure([at(0)], 'tuned')).loss;
    expect(await measured({ session, at })).toBe(await measured(without));
    const start = await session.snapshot();
    const losses = [(await session.advance({ batch: at })).loss, (await session.advance({ batch: at })).loss];
    session.restore(start);
    expect([(await session.advance({ batch: at })).loss, (await session.advance({ batch: at })).loss]).toEqual(losses);
    const other = await open('llama_gqa', expected.alpha, 7);
    expect((await other.session.advance({ batch: other.at })).loss).not.toBe(losses[0]);
  });
});
