/** What a session declares, keeps and gives back, on a device that only counts. */

import { beforeAll, describe, expect, test, vi } from 'vitest';
import { describe as describeDevice } from '../../src/gpu/device';
import { Graph } from '../../src/graph/graph';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { parseConfig } from '../../src/model/config';
import { declareWeights } from '../../src/model/llama';
import { ACTIVATION_PRECISIONS, parseRecipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import { countingGpu } from './counting-gpu';

const config = parseConfig(
  JSON.stringify({
    ...{ model_type: 'llama', hidden_size: 64, intermediate_size: 160, num_hidden_layers: 2, num_attention_heads: 4 },
    ...{ num_key_value_heads: 2, vocab_size: 256, max_position_embeddings: 128, rms_norm_eps: 1e-6, tie_word_embeddings: true },
  }),
);

beforeAll(() => {
  vi.stubGlobal('GPUShaderStage', { COMPUTE: 4 });
  return () => vi.unstubAllGlobals();
});

async function open(activationPrecision: (typeof ACTIVATION_PRECISIONS)[number]) {
  const device = describeDevice(countingGpu(), { vendor: 'counting' } as GPUAdapterInfo);
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const recipe = parseRecipe({ rank: 4, sequenceLength: 64, activationPrecision });
  const programs = trainingPrograms(graph, config, recipe, 'run');
  const executor = new WebGpuExecutor(device);
  const session = await TrainingSession.open(executor, graph, config, programs, recipe, 10);
  return { graph, executor, programs, session };
}

test.each(ACTIVATION_PRECISIONS)('with activations in %s all but the adapter is given back', async (precision) => {
  const { graph, executor, programs, session } = await open(precision);
  const release = vi.spyOn(executor, 'release');
  session.dispose();
  const own = graph.declared().filter(({ role }) => role !== 'frozen');
  const kept = own.filter((value) => !release.mock.calls.some(([released]) => released === value));
  expect(kept).toEqual([programs.adapter.flat]);
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
