/** Training on a quantised base of each family: as on a base of the dequantised numbers, and the loss falls. On the processor's kernels. */

import * as tf from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { quantiseTwin } from '../../kernels/quantise_twin';
import { collate } from '../../src/batch/collate';
import type { Slots } from '../../src/batch/slots';
import type { EncodedSplit } from '../../src/batch/types';
import { isQuantised, type QuantisedType } from '../../src/core/quantised';
import { sizeOf } from '../../src/core/shape';
import { ENCODINGS } from '../../src/encoding';
import { Graph } from '../../src/graph/graph';
import { ProcessorKernels } from '../../src/graph/processor';
import { KEEP_ALL } from '../../src/graph/remat';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { writeQuantised } from '../../src/graph/write-quantised';
import type { ModelConfig } from '../../src/model/config';
import { familyOf, parseConfig } from '../../src/model/families';
import { deviceTypes } from '../../src/model/precision';
import { declareWeights, weightSpecs } from '../../src/model/weights';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { jobOf } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import { randomFloats } from '../random';

type WeightSpec = ReturnType<typeof weightSpecs>[number];

/** Golden cases whose configurations are taken. */
const FAMILIES = [
  'llama_gqa',
  'gpt2',
  'phi3',
  'gemma2',
  'gemma3',
  'bert_seqcls',
  'roberta_seqcls',
  'distilbert_seqcls',
  'modernbert_seqcls',
];
const STEPS = 6;
const SIZES = { microBatch: 2, sequenceLength: 16 };

const configOf = (name: string): ModelConfig =>
  parseConfig(readFileSync(new URL(`../golden/${name}/config.json`, import.meta.url), 'utf8'));

/** The numbers of a weight: of norms near 1. */
function numbersOf({ name, shape }: WeightSpec, index: number): Float32Array<ArrayBuffer> {
  const norm = shape.length === 1 && name.endsWith('.weight') ? 1 : 0;
  return randomFloats(sizeOf(shape), 1 + index).map((x) => norm + 0.3 * x);
}

function dequantised(numbers: Float32Array<ArrayBuffer>, { shape }: WeightSpec, type: QuantisedType): Float32Array<ArrayBuffer> {
  return Float32Array.from(quantiseTwin(tf.tensor(numbers, [...shape]), type).dataSync());
}

/** Two texts; of a classifier with their classes. */
function splitOf(isClassifier: boolean): EncodedSplit {
  return {
    ids: Int32Array.from({ length: 22 }, (_, i) => 4 + ((5 * i) % 23)),
    trained: Uint8Array.from({ length: 22 }, (_, i) => (isClassifier || i === 0 || i === 10 ? 0 : 1)),
    ...{ offsets: Uint32Array.of(0, 10, 22), lines: Uint32Array.of(1, 2) },
    ...(isClassifier && { targets: Float32Array.of(0, 2) }),
  };
}

function slotsOf(config: ModelConfig): Slots {
  const names = ['a', 'b', 'c'];
  const columns = ENCODINGS.labelled.columns({ target: { kind: 'class', names } });
  const { pool } = familyOf(config).classifier(config);
  return { layout: { kind: 'labelled', documents: 1, columns, names }, perRow: 1, pool };
}

/** Losses of training, with the linear layers quantised by the device or, as `instead`, numbers in f32 that were dequantised. */
async function lossesOf(config: ModelConfig, recipe: Recipe, instead: QuantisedType | null): Promise<readonly number[]> {
  const slots = recipe.objective.kind === 'classify' ? slotsOf(config) : undefined;
  const graph = new Graph();
  const stored = new Map(weightSpecs(config).map(({ name }) => [name, 'f32'] as const));
  declareWeights(graph, config, deviceTypes(config, stored, recipe.basePrecision));
  const executor = new ProcessorExecutor(await ProcessorKernels.open('simd'));
  for (const [i, spec] of weightSpecs(config).entries()) {
    const [value, numbers] = [graph.named(spec.name), numbersOf(spec, i)];
    if (isQuantised(value.dtype)) await writeQuantised(executor, graph, value, numbers);
    else executor.write(value, instead === null || spec.use !== 'linear' ? numbers : dequantised(numbers, spec, instead));
  }
  const job = jobOf(recipe, slots, config);
  const session = await TrainingSession.open(
    executor,
    config,
    trainingPrograms(graph, config, recipe, 'run', KEEP_ALL, job),
    recipe,
    STEPS,
  );
  const packing = { docs: Uint32Array.of(0, 1), starts: Uint32Array.of(0, 1, 2) };
  const shape = { rows: SIZES.microBatch, rowLength: SIZES.sequenceLength, padId: 0, ...(slots && { slots }) };
  const batch = collate(splitOf(slots !== undefined), packing, 0, shape);
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) losses.push((await session.advance({ batch: () => batch })).loss);
  executor.dispose();
  return losses;
}

/** The processor's kernels are compiled in the first test. */
vi.setConfig({ testTimeout: 120_000 });
beforeAll(() => tf.setBackend('cpu'));

describe.each(FAMILIES)('%s', (name) => {
  test.each(['q8', 'q4'] as const)('trains on a base in %s as on its numbers in f32', async (type) => {
    const config = configOf(name);
    const objective = { kind: name.includes('seqcls') ? 'classify' : 'sft' };
    const settings = { ...SIZES, objective, method: { kind: 'lora', rank: 4, alpha: 8 }, learningRate: 2e-2, warmupRatio: 0 };
    const recipe = (basePrecision: Recipe['basePrecision']) => parseRecipe({ version: 2, ...settings, basePrecision });
    const quantised = await lossesOf(config, recipe(type), null);
    const expected = await lossesOf(config, recipe('stored'), type);
    const full = await lossesOf(config, recipe('stored'), null);
    quantised.forEach((loss, i) => expect(Math.abs(loss / (expected[i] ?? NaN) - 1)).toBeLessThan(1e-4));
    expect(quantised[0]).not.toBe(full[0]);
    expect(quantised.at(-1)).toBeLessThan(0.95 * (quantised[0] ?? 0));
  });
});
