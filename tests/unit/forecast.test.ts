/**
 * Forecasts for six models with three settings each, compared with the bytes that the executor allocates on a device that only counts
 * and computes nothing. Like WebGPU, the device also rejects a dispatch that binds a buffer twice and writes it.
 */

import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Device } from '../../src/gpu/device';
import { Graph, type Node } from '../../src/graph/graph';
import { launcher } from '../../src/graph/launches';
import { layOut, peakLive } from '../../src/graph/memory';
import { costOf } from '../../src/graph/node';
import { KEEP_ALL, rematPolicies, type RematPolicy } from '../../src/graph/remat';
import { ProcessorKernels } from '../../src/graph/processor';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { effortOf, secondsOf, total } from '../../src/graph/pace';
import { sizeOf } from '../../src/core/shape';
import type { ModelConfig } from '../../src/model/config';
import { declareCache } from '../../src/model/decode-pass';
import { weightSpecs, declareWeights } from '../../src/model/weights';
import { decodePlans } from '../../src/model/decode-programs';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { forecastMemory, forecastWith } from '../../src/train/forecast';
import { jobOf, LANGUAGE, type Teacher } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { sampleCache } from '../../src/train/prompts';
import { USUAL_PACE } from '../../src/train/timetable';
import { modelShapes } from '../models';
import { allocated, dtypesOf, openDevice } from './allocated';

beforeAll(() => {
  vi.stubGlobal('GPUShaderStage', { COMPUTE: 4 });
  return () => vi.unstubAllGlobals();
});

interface Setting {
  readonly name: string;
  readonly recipe: Recipe;
  readonly remat: (config: ModelConfig) => RematPolicy;
}

const settings: readonly Setting[] = [
  { name: '512 tokens', recipe: parseRecipe({ sequenceLength: 512 }), remat: () => KEEP_ALL },
  { name: '2,048 tokens', recipe: parseRecipe({ sequenceLength: 2048 }), remat: () => KEEP_ALL },
  {
    name: 'q4, 1,024 tokens, dropout, layers made again',
    recipe: parseRecipe({ basePrecision: 'q4', sequenceLength: 1024, dropout: 0.05 }),
    remat: ({ layers }) => ({ what: 'attention', layers }),
  },
  {
    name: 'activations in f16, 1,024 tokens',
    recipe: parseRecipe({ activationPrecision: 'f16', sequenceLength: 1024 }),
    remat: () => KEEP_ALL,
  },
];

describe.each(Object.entries(modelShapes))('%s', (_name, config) => {
  test.each(settings)(
    '$name: allocated is what was forecast, and hardly more than lives at once',
    { timeout: 120_000 },
    async ({ recipe, remat }) => {
      const device = openDevice();
      const { total } = forecastWith(config, recipe, dtypesOf(config, recipe), device.target, remat(config));
      const graph = new Graph();
      declareWeights(graph, config, dtypesOf(config, recipe));
      const programs = trainingPrograms(graph, config, recipe, 'run', remat(config));
      const bytes = await allocated(device, graph, config, recipe, programs);
      expect(Math.abs(total / bytes - 1)).toBeLessThan(0.05);

      const launchOf = launcher(device.target);
      const scratchOf = (node: Node) => launchOf(node).scratch;
      const laid = layOut(programs.train, scratchOf).buffers.reduce((sum, each) => sum + each, 0);
      expect(laid).toBeLessThan(1.1 * peakLive(programs.train, scratchOf));
    },
  );
});

describe('on the processor', () => {
  const config = modelShapes['SmolLM2-135M'];

  test.each([
    ['512 tokens', { sequenceLength: 512 }],
    ['a base in 4 bits', { sequenceLength: 256, basePrecision: 'q4' }],
    ['activations in f16, which are held as f32', { sequenceLength: 256, activationPrecision: 'f16' }],
  ])('%s: compiled programs take what was forecast', async (_name, settings) => {
    const recipe = parseRecipe(settings);
    const dtypeOf = dtypesOf(config, recipe);
    const machine = { processor: { threads: 1 }, budget: Infinity };
    const { total } = forecastMemory(config, recipe, dtypeOf, machine);
    const kernels = await ProcessorKernels.open('simd');
    const executor = new ProcessorExecutor(kernels);
    const graph = new Graph();
    declareWeights(graph, config, dtypeOf);
    const { train, update, evaluate, evaluateBase, tuning } = trainingPrograms(graph, config, recipe, 'run', KEEP_ALL);
    const cache = declareCache(graph, config, sampleCache(config, recipe));
    const { prompt, step } = decodePlans(graph, config, cache, cache.sequences, tuning);
    const base = evaluateBase === null ? [] : [evaluateBase];
    for (const plan of [train, update, evaluate, ...base, prompt.plan, step.plan]) await executor.compile(plan);
    expect(Math.abs(total / kernels.heap.used - 1)).toBeLessThan(0.05);
  });
});

describe('the remat policy of a run', () => {
  const config = modelShapes['SmolLM2-135M'];
  const { target } = openDevice();
  const recipe = parseRecipe({ sequenceLength: 512 });
  const halves = dtypesOf(config, recipe);
  const chosen = (change: Partial<Recipe>, budget: number) =>
    forecastMemory(config, { ...recipe, ...change }, halves, { target, budget });
  const totals = rematPolicies(config.layers).map((remat) => forecastWith(config, recipe, halves, target, remat).total);

  test.each([0, 1, 3, 5])('is the first that fits on the device: %d', (i) => {
    expect(chosen({}, totals[i] ?? 0)).toMatchObject({ remat: rematPolicies(config.layers)[i], total: totals[i] });
  });

  test('is the one with least memory when none fits', () => {
    expect(chosen({}, 1).remat).toEqual(rematPolicies(config.layers).at(-1));
  });

  test('respects the memory limit of the recipe', () => {
    expect(chosen({ memoryLimit: 100 }, 1).remat).toEqual(KEEP_ALL);
    expect(chosen({ memoryLimit: (totals[3] ?? 0) / 1e9 }, 1e12).remat).toEqual(rematPolicies(config.layers)[3]);
  });
});

test('the parts of a forecast add up to its total', () => {
  const [config, recipe] = [modelShapes['Qwen3-0.6B'], parseRecipe({})];
  const forecast = forecastWith(config, recipe, dtypesOf(config, recipe), openDevice().target, KEEP_ALL);
  const { remat, recomputed, total, efforts, ...parts } = forecast;
  expect([remat, recomputed]).toEqual([KEEP_ALL, 0]);
  expect(efforts.step.flops).toBeGreaterThan(0);
  expect(Object.values(parts).reduce((sum, bytes) => sum + bytes, 0)).toBe(total);
});

test('the cost of a step is that of its micro-batches, and compares the methods', () => {
  const config = modelShapes['Qwen3-0.6B'];
  const work = (settings: object) => {
    const recipe = parseRecipe({ sequenceLength: 512, ...settings });
    const { efforts } = forecastWith(config, recipe, dtypesOf(config, recipe), openDevice().target, KEEP_ALL);
    return secondsOf(efforts.step, USUAL_PACE);
  };
  const lora = work({ gradientAccumulation: 1 });
  expect(work({ gradientAccumulation: 8 }) / lora).toBeCloseTo(8, 0);
  const [dora, ia3, full] = [{ kind: 'lora', useDora: true }, { kind: 'ia3' }, { kind: 'full' }].map(
    (method) => work({ gradientAccumulation: 1, method }) / lora,
  );
  // Full fine-tuning has a third product for each linear layer: 3 of 2 at most, and reads and writes all weights in each update.
  expect(ia3).toBeLessThan(1);
  expect(dora).toBeGreaterThan(1);
  expect(full).toBeGreaterThan(1.3);
  expect(full).toBeGreaterThan(dora ?? Infinity);
});

test('the cost of a plan is its operations, its traffic, and its nodes', () => {
  const graph = new Graph();
  const config = modelShapes['Qwen3-0.6B'];
  declareWeights(graph, config, () => 'f32');
  const { train } = trainingPrograms(graph, config, parseRecipe({}), 'cost', KEEP_ALL, LANGUAGE);
  const bytes = train.nodes.reduce((sum, node) => sum + costOf(node).bytes, 0);
  expect(effortOf(train)).toEqual({ flops: train.flops, bytes, nodes: train.nodes.length, runs: 1 });
});

test('costs add up, and take their time at a pace', () => {
  const one = { flops: 2e9, bytes: 3e9, nodes: 10, runs: 1 };
  const sum = total([
    [2, one],
    [1, { flops: 1e9, bytes: 0, nodes: 5, runs: 1 }],
  ]);
  expect(sum).toEqual({ flops: 5e9, bytes: 6e9, nodes: 25, runs: 3 });
  expect(secondsOf(sum, { flops: 1e9, bytes: 2e9, node: 0.1 })).toBeCloseTo(5 + 3 + 2.5 + 3 * 0.004, 9);
});

test('the weights of a teacher are part of a forecast', () => {
  const [config, teacher] = [
    modelShapes['Qwen3-0.6B'],
    { ...modelShapes['Llama-3.2-1B'], vocabSize: modelShapes['Qwen3-0.6B'].vocabSize },
  ];
  const recipe = parseRecipe({ objective: { kind: 'distil' } });
  const job = jobOf(recipe, undefined, config, taughtBy(teacher, recipe));
  const machine = { target: openDevice().target, budget: 1e12 };
  const [plain, taught] = [undefined, job].map((of) => forecastMemory(config, recipe, dtypesOf(config, recipe), machine, of));
  const types = dtypesOf(teacher, recipe);
  const bytes = weightSpecs(teacher).reduce((sum, { name, shape }) => sum + (types(name) === 'f16' ? 2 : 4) * sizeOf(shape), 0);
  const more = (taught?.weights ?? 0) - (plain?.weights ?? 0);
  // The teacher's rotary tables are a little more.
  expect(more / bytes).toBeGreaterThanOrEqual(1);
  expect(more / bytes).toBeLessThan(1.001);
});

test.each([
  ['as stored', parseRecipe({ objective: { kind: 'distil' }, sequenceLength: 512 })],
  ['in 4 bits', parseRecipe({ objective: { kind: 'distil' }, sequenceLength: 512, basePrecision: 'q4' })],
])('allocated with a teacher %s is what was forecast', async (_, recipe) => {
  const config = modelShapes['SmolLM2-135M'];
  const teacher = { ...modelShapes['SmolLM2-360M'], vocabSize: config.vocabSize };
  const device = openDevice();
  const job = jobOf(recipe, undefined, config, taughtBy(teacher, recipe));
  const { total, remat } = forecastMemory(config, recipe, dtypesOf(config, recipe), { target: device.target, budget: 1e12 }, job);
  const graph = new Graph();
  declareWeights(graph, config, dtypesOf(config, recipe));
  const programs = trainingPrograms(graph, config, recipe, 'run', remat, job);
  const bytes = await allocated(device, graph, config, recipe, programs);
  expect(Math.abs(total / bytes - 1)).toBeLessThan(0.05);
});

/** `precision` of the recipe is that of the teacher too. */
function taughtBy(config: ModelConfig, recipe: Recipe): Teacher {
  return { config, dtypeOf: dtypesOf(config, recipe), write: () => Promise.resolve() };
}

test('f16 activations save nothing on the processor, and half of the activations on a GPU', () => {
  const config = modelShapes['SmolLM2-135M'];
  const total = (change: Partial<Recipe>, target: Device['target'] | null) => {
    const recipe = parseRecipe({ sequenceLength: 1024, ...change });
    return forecastWith(config, recipe, dtypesOf(config, recipe), target, KEEP_ALL);
  };
  const few: Partial<Recipe> = { basePrecision: 'q4', activationPrecision: 'f16' };
  expect(total(few, null)).toEqual(total({}, null));
  const { target } = openDevice();
  expect(total({ activationPrecision: 'f16' }, target).activations).toBeLessThan(0.62 * total({}, target).activations);
});

test('Llama-3.2-1B in 4 bits, rank 16, trains on 1,024 tokens within 2.5 GB', async () => {
  const config = modelShapes['Llama-3.2-1B'];
  const recipe = parseRecipe({ basePrecision: 'q4', rank: 16, sequenceLength: 1024, memoryLimit: 2.5 });
  const device = openDevice();
  const dtypeOf = dtypesOf(config, recipe);
  const { remat, total } = forecastMemory(config, recipe, dtypeOf, { target: device.target, budget: Infinity });
  expect(total).toBeLessThan(2.5e9);
  expect(remat.layers).toBeLessThan(config.layers);
  const graph = new Graph();
  declareWeights(graph, config, dtypeOf);
  const programs = trainingPrograms(graph, config, recipe, 'run', remat);
  expect(await allocated(device, graph, config, recipe, programs)).toBeLessThan(2.5e9);
});
