/** The memory forecast, compared with the bytes allocated on the device after everything that a run does. */

import { beforeAll, expect, test, vi } from 'vitest';
import type { Batch } from '../../src/batch/types';
import type { DType } from '../../src/core/dtype';
import { sizeOf } from '../../src/core/shape';
import { openDevice, type Device } from '../../src/gpu/device';
import { Graph } from '../../src/graph/graph';
import { rematPolicies, type RematPolicy } from '../../src/graph/remat';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import { Decoder } from '../../src/model/generate';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { forecastWith } from '../../src/train/forecast';
import { trainingPrograms } from '../../src/train/programs';
import { sampleCache } from '../../src/train/prompts';
import { TrainingSession } from '../../src/train/session';

const config = parseConfig(
  JSON.stringify({
    ...{ model_type: 'qwen3', hidden_size: 64, intermediate_size: 160, num_hidden_layers: 4, head_dim: 32 },
    ...{ num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 1000, max_position_embeddings: 256 },
    ...{ rms_norm_eps: 1e-6, tie_word_embeddings: true },
  }),
);

vi.setConfig({ testTimeout: 300_000 });
let device: Device;
beforeAll(async () => {
  device = await openDevice(navigator.gpu);
});

function batchOf({ microBatch, sequenceLength }: Recipe): Batch {
  const size = microBatch * sequenceLength;
  const ids = Int32Array.from({ length: size }, (_, i) => i % config.vocabSize);
  return {
    ids,
    labels: ids,
    positions: ids.map((_, i) => i % sequenceLength),
    segments: new Int32Array(size),
    weights: new Float32Array(size).fill(1),
    ...{ tokens: size, trained: size },
  };
}

const dtypeOf = (name: string): DType => (/norm|bias/.test(name) ? 'f32' : 'f16');

/** Loads, trains, evaluates, takes a snapshot and samples. Returns the bytes on the device then, and after everything was disposed. */
async function allocated(recipe: Recipe, remat: RematPolicy): Promise<{ used: number; left: number }> {
  const before = device.buffers.bytes;
  const graph = new Graph();
  const executor = new WebGpuExecutor(device);
  declareWeights(graph, config, dtypeOf);
  for (const value of graph.declared()) {
    const size = sizeOf(value.shape);
    executor.write(value, value.dtype === 'f16' ? new Uint16Array(size) : new Float32Array(size));
  }
  const decoder = Decoder.open(executor, graph, config);
  decoder.reserve(sampleCache(config, recipe));
  const programs = trainingPrograms(graph, config, recipe, 'run', remat);
  const session = await TrainingSession.open(executor, config, programs, recipe, 10);
  const batch = batchOf(recipe);
  await session.advance({ batch: () => batch });
  await session.measure([batch], 'base');
  await session.measure([batch], 'tuned');
  await session.snapshot();
  for (const adapter of [null, programs.tuning]) {
    const sampling = { temperature: 0, topP: 1, seed: 1 };
    const prompt = { ids: [1, 2, 3], maxTokens: 2, stops: new Set<number>(), sampling };
    for await (const made of decoder.tokens(adapter, [prompt, prompt])) expect(made.length).toBe(2);
  }
  const used = device.buffers.bytes - before;
  executor.dispose();
  return { used, left: device.buffers.bytes - before };
}

test.each([
  parseRecipe({ rank: 4, sequenceLength: 128 }),
  parseRecipe({ rank: 16, sequenceLength: 64, microBatch: 2, gradientAccumulation: 2, dropout: 0.1 }),
])('a run allocates what was forecast, and frees all of it', async (recipe) => {
  const [all, , , half] = rematPolicies(config.layers);
  for (const remat of [all, half]) {
    if (remat === undefined) throw new Error('fewer policies than expected');
    const { total } = forecastWith(config, recipe, dtypeOf, device.target, remat);
    const { used, left } = await allocated(recipe, remat);
    expect(Math.abs(total / used - 1)).toBeLessThan(0.05);
    expect(left).toBe(0);
  }
});
