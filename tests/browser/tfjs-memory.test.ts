/** The forecast for tfjs's WebGPU backend, against the bytes that it allocates on the device. */

import { expect, test, vi } from 'vitest';
import type { Batch } from '../../src/batch/types';
import { sizeOf } from '../../src/core/shape';
import { openDevice } from '../../src/gpu/device';
import { Graph } from '../../src/graph/graph';
import { rematPolicies } from '../../src/graph/remat';
import { TfjsWebGpuExecutor } from '../../src/graph/run-tfjs-webgpu';
import { startTfjsWebGpu } from '../../src/graph/tfjs-backend';
import { parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import { Decoder } from '../../src/model/generate';
import { parseRecipe } from '../../src/recipe/recipe';
import { forecastWith } from '../../src/train/forecast';
import { trainingPrograms } from '../../src/train/programs';
import { sampleCache } from '../../src/train/prompts';
import { TrainingSession } from '../../src/train/session';

vi.setConfig({ testTimeout: 300_000 });

test('a run takes about what is forecast, and frees all of it', async () => {
  const config = parseConfig(
    JSON.stringify({
      ...{ model_type: 'qwen3', head_dim: 32, num_attention_heads: 4, num_key_value_heads: 2, max_position_embeddings: 256 },
      ...{ hidden_size: 64, intermediate_size: 160, num_hidden_layers: 4, vocab_size: 1000 },
      ...{ rms_norm_eps: 1e-6, tie_word_embeddings: true },
    }),
  );
  const recipe = parseRecipe({ rank: 8, sequenceLength: 128 });
  const policies = rematPolicies(config.layers);
  for (const remat of [policies[0], policies.at(-1)]) {
    if (remat === undefined) throw new Error('no policy');
    const device = await openDevice(navigator.gpu);
    const backend = await startTfjsWebGpu(device);
    const graph = new Graph();
    const executor = new TfjsWebGpuExecutor(graph, backend);
    declareWeights(graph, config, () => 'f32');
    for (const value of graph.declared()) executor.write(value, new Float32Array(sizeOf(value.shape)).fill(0.01));
    const decoder = Decoder.open(executor, graph, config);
    decoder.reserve(sampleCache(config, recipe));
    const programs = trainingPrograms(graph, config, recipe, 'run', remat);
    const session = await TrainingSession.open(executor, config, programs, recipe, 10);
    const size = recipe.microBatch * recipe.sequenceLength;
    const ids = Int32Array.from({ length: size }, (_, i) => i % config.vocabSize);
    const batch: Batch = {
      ...{ ids, labels: ids, positions: ids.map((_, i) => i % recipe.sequenceLength), segments: new Int32Array(size) },
      ...{ weights: new Float32Array(size).fill(1), tokens: size, trained: size },
    };
    for (let i = 0; i < 2; i++) await session.advance({ batch: () => batch });
    await session.measure([batch], 'base');
    await session.snapshot();
    const { total } = forecastWith(config, recipe, () => 'f32', null, remat, true);
    expect(total / executor.bytes()).toBeGreaterThan(0.9);
    expect(total / executor.bytes()).toBeLessThan(1.2);
    executor.dispose();
    expect(executor.bytes()).toBe(0);
    device.gpu.destroy();
  }
});
