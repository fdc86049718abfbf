/** What a session declares and releases, on a device that only counts. */

import { beforeAll, describe, expect, test, vi } from 'vitest';
import { describe as describeDevice } from '../../src/gpu/device';
import type { Batch } from '../../src/batch/types';
import { sizeOf } from '../../src/core/shape';
import type { Executor } from '../../src/graph/executor';
import { Graph, valueBytes } from '../../src/graph/graph';
import { KEEP_ALL } from '../../src/graph/remat';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { parseConfig } from '../../src/model/families';
import { declareWeights, weightSpecs } from '../../src/model/weights';
import { ACTIVATION_PRECISIONS, parseRecipe } from '../../src/recipe/recipe';
import { jobOf } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import { countingGpu } from './counting-gpu';

const config = parseConfig(
  JSON.stringify({
    ...{ model_type: 'llama', hidden_size: 64, intermediate_size: 160, num_hidden_layers: 2, num_attention_heads: 4 },
    ...{ num_key_value_heads: 2, vocab_size: 256, max_position_embeddings: 128, rms_norm_eps: 1e-6, tie_word_embeddings: true },
  }),
);

/** A wider and deeper teacher. */
const teacher = { ...config, hiddenSize: 96, layers: 3, attention: [0, 1, 2].flatMap(() => config.attention.slice(0, 1)) };

const TOKENS = 64;

beforeAll(() => {
  vi.stubGlobal('GPUShaderStage', { COMPUTE: 4 });
  return () => vi.unstubAllGlobals();
});

type Precision = (typeof ACTIVATION_PRECISIONS)[number];

const recipeOf = (activationPrecision: Precision, gradientAccumulation = 1) =>
  parseRecipe({ rank: 4, sequenceLength: TOKENS, activationPrecision, gradientAccumulation });

const integers = () => new Int32Array(TOKENS);
const batch: Batch = {
  ...{ ids: integers(), positions: integers(), segments: integers(), labels: integers() },
  ...{ weights: new Float32Array(TOKENS), tokens: TOKENS, trained: TOKENS },
};

/** The weights, declared but not written. */
function declared() {
  const device = describeDevice(countingGpu(), { vendor: 'counting' } as GPUAdapterInfo);
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  return { device, graph, executor: new WebGpuExecutor(device) };
}

async function open(precision: Precision, accumulation = 1) {
  const { device, graph, executor } = declared();
  const recipe = recipeOf(precision, accumulation);
  const programs = trainingPrograms(graph, config, recipe, 'run');
  const session = await TrainingSession.open(executor, config, programs, recipe, 10);
  return { device, graph, executor, programs, session };
}

test.each(ACTIVATION_PRECISIONS)(
  'a disposed session with %s activations leaves no value and no buffer behind',
  async (precision) => {
    const { graph, executor, device, session } = await open(precision);
    await session.advance({ batch: () => batch });
    await session.snapshot();
    expect(graph.declared().every(({ role }) => role === 'frozen')).toBe(true);
    session.dispose();
    const weights = graph.declared().reduce((sum, value) => sum + valueBytes(value), 0);
    expect(device.buffers.bytes).toBe(weights);
    expect(executor.bytes()).toBe(weights);
  },
);

test.each([
  ['LoRA', { kind: 'lora', rank: 4 }],
  ['every weight', { kind: 'full' }],
] as const)('distillation that trains %s releases the teacher with the session, and trains nothing of it', async (_, method) => {
  const { device, graph, executor } = declared();
  const recipe = parseRecipe({ method, objective: { kind: 'distil' }, sequenceLength: TOKENS });
  const write = vi.fn(() => Promise.resolve());
  const job = jobOf(recipe, undefined, config, { config: teacher, dtypeOf: () => 'f32', write });
  const programs = trainingPrograms(graph, config, recipe, 'run', KEEP_ALL, job);
  const own = programs.teacher?.graph.declared() ?? [];
  const expected = weightSpecs(teacher).map(({ name, shape }) => [name, shape]);
  expect(own.filter(({ name }) => !name.startsWith('rope.')).map(({ name, shape }) => [name, shape])).toEqual(expected);
  expect(own.every(({ role }) => role === 'frozen')).toBe(true);
  expect(programs.train.nodes.filter(({ op }) => op.name === 'distillation')).toHaveLength(1);
  const session = await TrainingSession.open(executor, config, programs, recipe, 10);
  expect(write.mock.calls).toEqual([[executor, programs.teacher?.graph]]);
  await session.advance({ batch: () => batch });
  await session.measure([batch], 'base');
  expect(executor.bytes()).toBeGreaterThan([...own, ...graph.declared()].reduce((sum, value) => sum + valueBytes(value), 0));
  session.dispose();
  expect(device.buffers.bytes).toBe(graph.declared().reduce((sum, value) => sum + valueBytes(value), 0));
});

test('a session whose teacher cannot be written releases all but the weights of the model', async () => {
  const { graph, device, executor } = declared();
  const recipe = parseRecipe({ objective: { kind: 'distil' }, sequenceLength: TOKENS });
  const write = (onto: Executor, own: Graph) => {
    const [first] = own.declared();
    if (first !== undefined) onto.write(first, new Float32Array(sizeOf(first.shape)));
    return Promise.reject(new Error('the file has changed'));
  };
  const job = jobOf(recipe, undefined, config, { config: teacher, dtypeOf: () => 'f32', write });
  const programs = trainingPrograms(graph, config, recipe, 'run', KEEP_ALL, job);
  await expect(TrainingSession.open(executor, config, programs, recipe, 10)).rejects.toThrow('the file has changed');
  expect(device.buffers.bytes).toBe(graph.declared().reduce((sum, value) => sum + valueBytes(value), 0));
  expect(programs.teacher?.graph.declared().length).toBeGreaterThan(0);
});

test('a session that cannot be opened leaves no buffer behind', async () => {
  const { graph, device, executor } = declared();
  const programs = trainingPrograms(graph, config, recipeOf('f32'), 'run');
  vi.spyOn(device.pipelines, 'get').mockRejectedValue(new Error('refused'));
  await expect(TrainingSession.open(executor, config, programs, recipeOf('f32'), 10)).rejects.toThrow('refused');
  expect(device.buffers.bytes).toBe(0);
});

test('a step that fails after some of its runs were queued leaves no rejection unhandled', async () => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', listen);
  const { executor, session } = await open('f32', 2);
  // Not a spy: it would handle the rejections itself.
  Object.assign(executor, { run: () => Promise.reject(new Error('the device was lost')) });
  await expect(session.advance({ batch: () => batch })).rejects.toThrow('the device was lost');
  const write = executor.write.bind(executor);
  let writes = 0;
  vi.spyOn(executor, 'write').mockImplementation((value, data) => {
    if (++writes > 8) throw new Error('the value was released');
    write(value, data);
  });
  expect(() => session.advance({ batch: () => batch })).toThrow('the value was released');
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off('unhandledRejection', listen);
  expect(unhandled).toEqual([]);
});

describe('the loss scale', () => {
  test('is an input, and the norm the only figure, where activations are f32', async () => {
    const { programs, session } = await open('f32');
    expect(programs).toMatchObject({ scaling: null, lossScale: { role: 'input' } });
    expect(programs.update.nodes.map(({ op }) => op.name)).toEqual(['gradnorm', 'adamw']);
    expect(programs.update.outputs).toEqual([programs.optimizer.norm]);
    expect(await session.snapshot()).not.toHaveProperty('scaling');
  });

  test('is state, and comes with the norm, where they are f16', async () => {
    const { programs, session } = await open('f16');
    expect(programs.lossScale).toMatchObject({ role: 'state' });
    expect(programs.lossScale).toBe(programs.scaling?.scale);
    expect(programs.update.nodes.map(({ op }) => op.name)).toEqual(['gradnorm', 'adamw', 'lossscale']);
    expect(programs.update.outputs).toEqual([programs.optimizer.norm, programs.optimizer.scaleUsed]);
    const { scaling, ...older } = await session.snapshot();
    expect(scaling).toHaveLength(2);
    expect(() => session.restore(older)).toThrow('internal: the state at step 0 has no loss scale');
  });
});
