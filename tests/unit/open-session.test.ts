/** A device with less memory than its limits suggest: the session keeps fewer activations until it fits. */

import { beforeAll, expect, test, vi } from 'vitest';
import { describe as describeDevice } from '../../src/gpu/device';
import { Graph } from '../../src/graph/graph';
import { rematPolicies, type RematPolicy } from '../../src/graph/remat';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { openSession } from '../../src/train/open-session';
import { LANGUAGE } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { countingGpu } from './counting-gpu';

const config = parseConfig(
  JSON.stringify({
    ...{ model_type: 'llama', hidden_size: 64, intermediate_size: 160, num_hidden_layers: 4, num_attention_heads: 4 },
    ...{ num_key_value_heads: 2, vocab_size: 256, max_position_embeddings: 512, rms_norm_eps: 1e-6, tie_word_embeddings: true },
  }),
);
const recipe = parseRecipe({ rank: 4, sequenceLength: 512 });
const all = rematPolicies(config.layers);

beforeAll(() => {
  vi.stubGlobal('GPUShaderStage', { COMPUTE: 4 });
  return () => vi.unstubAllGlobals();
});

/** Opens a session on a device of `memory` bytes that tries `from` first; the policies tried after it, and the bytes allocated. */
async function open(memory: number, from: RematPolicy) {
  const device = describeDevice(countingGpu(memory), { vendor: 'counting' } as GPUAdapterInfo);
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const executor = new WebGpuExecutor(device);
  const tried: RematPolicy[] = [];
  const opened = openSession(
    { model: { executor, graph, config }, recipe, job: LANGUAGE, totalSteps: 10, remat: from },
    { tiles: () => Promise.resolve({}), onProgress: () => undefined, onLess: (remat) => tried.push(remat) },
  );
  const result = await opened.catch((error: unknown) => error as Error);
  return { result, tried, bytes: device.buffers.bytes };
}

const [first, , , half] = all;
const least = all.at(-1);
if (first === undefined || half === undefined || least === undefined) throw new Error('fewer policies than expected');

test('a session that fits is opened with the first policy', async () => {
  const { tried, result } = await open(Infinity, first);
  expect(tried).toEqual([]);
  expect(result).not.toBeInstanceOf(Error);
});

test('one that does not fit tries policies that keep less, and nothing of the failed ones stays allocated', async () => {
  const { bytes: enough } = await open(Infinity, half);
  const { tried, bytes, result } = await open(enough, first);
  expect(result).not.toBeInstanceOf(Error);
  expect(tried).toEqual(all.slice(1, all.indexOf(half) + 1));
  expect(bytes).toBe(enough);
});

test('it throws when no policy fits', async () => {
  const { bytes: needed } = await open(Infinity, least);
  const { tried, result } = await open(needed - 1, first);
  expect(tried).toEqual(all.slice(1));
  expect(result).toMatchObject({ code: 'gpu/memory' });
});

test('after a kernel that does not compile nothing stays allocated', async () => {
  const gpu = countingGpu();
  const device = describeDevice(gpu, { vendor: 'counting' } as GPUAdapterInfo);
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const executor = new WebGpuExecutor(device);
  const { train } = trainingPrograms(graph, config, recipe, 'run');
  await executor.compile(train).then((compiled) => compiled.dispose());
  const held = device.buffers.bytes;
  const other = new WebGpuExecutor({ ...device, pipelines: { get: () => Promise.reject(new Error('no')) } as never });
  await expect(other.compile(train)).rejects.toThrow('no');
  expect(device.buffers.bytes).toBe(held);
});
