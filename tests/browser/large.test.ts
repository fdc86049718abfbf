/**
 * A whole model on WebGPU's default limits (128 MiB per binding), whose embedding, head of 262,144 tokens and feed-forward weights are all
 * larger than one binding: its training steps, compared with the same steps in tfjs on wasm.
 */

import { expect, test } from 'vitest';
import type { Batch } from '../../src/batch/types';
import { storageBytes } from '../../src/core/dtype';
import { sizeOf } from '../../src/core/shape';
import { describe as describeDevice, type Device } from '../../src/gpu/device';
import type { Executor } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { startTfjsWasm } from '../../src/graph/tfjs-backend';
import type { Value } from '../../kernels/op';
import { parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import { randomFloats, randomHalves } from '../random';

const BINDING = 128 << 20;
const TOKENS = 8;
const STEPS = 2;
/** Sums of up to 262,144 terms, in f32 on both sides. */
const TOLERANCE = 1e-4;

const config = parseConfig(
  JSON.stringify({
    ...{ model_type: 'llama', hidden_size: 260, intermediate_size: 131_072, num_hidden_layers: 1, num_attention_heads: 4 },
    ...{ num_key_value_heads: 2, head_dim: 32, vocab_size: 262_144, max_position_embeddings: 64, rms_norm_eps: 1e-6 },
    tie_word_embeddings: false,
  }),
);
const recipe = parseRecipe({ rank: 4, sequenceLength: TOKENS, learningRate: 1e-4, schedule: 'constant', warmupRatio: 0 });
const isVocabulary = ({ name }: Pick<Value, 'name'>) => /embed_tokens|lm_head/.test(name);

const ids = Int32Array.from({ length: TOKENS }, (_, i) => (i * 17_389 + 262_143) % config.vocabSize);
const batch: Batch = {
  ids,
  labels: ids.map((_, i) => ids[i + 1] ?? -1),
  positions: ids.map((_, i) => i),
  segments: new Int32Array(TOKENS),
  weights: Float32Array.from(ids, (_, i) => (i + 1 < TOKENS ? 1 : 0)),
  ...{ tokens: TOKENS, trained: TOKENS - 1 },
};

async function defaultDevice(): Promise<Device> {
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) throw new Error('no WebGPU adapter');
  const device = describeDevice(await adapter.requestDevice(), adapter.info);
  expect(device.target.maxBindingBytes).toBe(BINDING);
  return device;
}

/** Random numbers repeat after this many. A prime, so that no two rows are equal. */
const PERIOD = 1_000_003;

/** Random weights. Matrices are scaled so that activations stay near one. */
function dataOf(value: Value): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  const size = sizeOf(value.shape);
  const [, width = 1] = value.shape;
  if (value.shape.length === 1) return new Float32Array(size).fill(1);
  if (isVocabulary(value)) return repeat(new Uint16Array(size), randomHalves(PERIOD, value.id + 1));
  const block = randomFloats(PERIOD, value.id + 1).map((number) => number * Math.sqrt(3 / width));
  return repeat(new Float32Array(size), block);
}

function repeat<T extends Float32Array | Uint16Array>(to: T, block: T): T {
  to.set(block.subarray(0, to.length));
  for (let filled = block.length; filled < to.length; filled *= 2) to.copyWithin(filled, 0, filled);
  return to;
}

/** Loss and gradient norm of each step. */
async function train(open: (graph: Graph) => Executor): Promise<number[][]> {
  const graph = new Graph();
  declareWeights(graph, config, (name) => (isVocabulary({ name }) ? 'f16' : 'f32'));
  const executor = open(graph);
  for (const value of graph.declared()) executor.write(value, dataOf(value));
  expect(graph.declared().filter((value) => storageBytes(value) > BINDING).length).toBe(5);
  const programs = trainingPrograms(graph, config, recipe, 'run');
  const session = await TrainingSession.open(executor, config, programs, recipe, STEPS);
  const rows: number[][] = [];
  for (let i = 0; i < STEPS; i++) {
    const { loss, gradNorm } = await session.advance({ batch: () => batch });
    rows.push([loss, gradNorm]);
  }
  executor.dispose();
  return rows;
}

test('a model with weights larger than a binding trains as on wasm', { timeout: 300_000 }, async () => {
  const device = await defaultDevice();
  const found = await train(() => new WebGpuExecutor(device, { poison: true }));
  device.gpu.destroy();
  await startTfjsWasm();
  const expected = await train((graph) => new TfjsExecutor(graph, 'tfjs-wasm'));
  const [[first = NaN], [second = NaN]] = expected as [number[], number[]];
  expect(second).toBeLessThan(first);
  expected.flat().forEach((figure, i) => expect(Math.abs((found.flat()[i] ?? NaN) / figure - 1)).toBeLessThan(TOLERANCE));
});
