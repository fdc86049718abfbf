/** Use after release: every executor reports it by name, instead of computing with zeros. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { accumulate } from '../../kernels/accumulate';
import { add } from '../../kernels/add';
import { sizeOf } from '../../src/core/shape';
import { describe as describeDevice } from '../../src/gpu/device';
import type { Executor } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import { Decoder } from '../../src/model/generate';
import { randomFloats } from '../random';
import { countingGpu } from './counting-gpu';

beforeAll(async () => {
  await tf.setBackend('cpu');
  vi.stubGlobal('GPUShaderStage', { COMPUTE: 4 });
  return () => vi.unstubAllGlobals();
});

const EXECUTORS: Readonly<Record<string, (graph: Graph) => Executor>> = {
  webgpu: () => new WebGpuExecutor(describeDevice(countingGpu(), { vendor: 'counting' } as GPUAdapterInfo)),
  tfjs: (graph) => new TfjsExecutor(graph, 'cpu'),
};

const FOUR = new Float32Array([1, 2, 3, 4]);

describe.each(Object.entries(EXECUTORS))('on %s', (_name, open) => {
  function opened() {
    const graph = new Graph();
    const executor = open(graph);
    const x = graph.declare('some.input', 'input', [4]);
    const kept = graph.declare('another.input', 'input', [4]);
    const program = graph.program('doubling');
    return { graph, executor, x, kept, doubled: plan(program, [add(program, x, kept)]) };
  }

  test('a value that was never written holds zeros', async () => {
    const { executor, x } = opened();
    expect(await executor.read(x)).toEqual(new Float32Array(4));
  });

  test('a released value is not read, written or compiled', async () => {
    const { executor, x, doubled } = opened();
    executor.write(x, FOUR);
    executor.release(x);
    await expect(executor.read(x)).rejects.toThrow('internal: some.input was released');
    expect(() => executor.write(x, FOUR)).toThrow('internal: some.input was released');
    await expect(executor.compile(doubled)).rejects.toThrow('internal: some.input was released');
  });

  test('a value released before its first write stays released', async () => {
    const { executor, x } = opened();
    executor.release(x);
    await expect(executor.read(x)).rejects.toThrow('internal: some.input was released');
  });

  test('a compiled plan does not run once one of its values was released', async () => {
    const { executor, x, kept, doubled } = opened();
    executor.write(x, FOUR);
    executor.write(kept, FOUR);
    const compiled = await executor.compile(doubled);
    await executor.run(compiled);
    executor.release(kept);
    await expect(async () => executor.run(compiled)).rejects.toThrow('internal: another.input was released');
  });

  test('a plan over a released value fails before its first node runs', async () => {
    const { graph, executor, x, kept } = opened();
    const sum = graph.declare('sum', 'state', [4]);
    const program = graph.program('two results');
    accumulate(program, sum, x);
    const compiled = await executor.compile(plan(program, [add(program, x, kept)]));
    executor.write(x, FOUR);
    executor.release(kept);
    await expect(async () => executor.run(compiled)).rejects.toThrow('internal: another.input was released');
    expect(await executor.read(sum)).toEqual(new Float32Array(4));
  });

  test('the views of a released flat value are released with it', async () => {
    const { graph, executor } = opened();
    const { flat, views } = graph.declareFlat('flat', 'trainable', [{ name: 'a', shape: [3] }]);
    executor.write(flat, new Float32Array(sizeOf(flat.shape)));
    const [view = flat] = views;
    executor.release(flat);
    await expect(executor.read(view)).rejects.toThrow('internal: flat/a was released');
    await expect(executor.read(flat)).rejects.toThrow('internal: flat was released');
  });

  test('a view is released with its flat value only', () => {
    const { graph, executor } = opened();
    const { views } = graph.declareFlat('flat', 'trainable', [{ name: 'a', shape: [3] }]);
    const [view] = views;
    if (view === undefined) throw new Error('no view');
    expect(() => executor.release(view)).toThrow('internal: flat/a is a view of flat');
  });

  test('a plan that was disposed does not run', async () => {
    const { executor, doubled } = opened();
    const compiled = await executor.compile(doubled);
    compiled.dispose();
    await expect(async () => executor.run(compiled)).rejects.toThrow('internal: the compiled plan doubling was disposed');
  });

  test('a disposed executor does nothing more', async () => {
    const { executor, x, doubled } = opened();
    executor.write(x, FOUR);
    const compiled = await executor.compile(doubled);
    executor.dispose();
    expect(() => executor.write(x, FOUR)).toThrow('internal: the executor of some.input was disposed');
    await expect(executor.read(x)).rejects.toThrow('was disposed');
    await expect(executor.compile(doubled)).rejects.toThrow('was disposed');
    await expect(async () => executor.run(compiled)).rejects.toThrow('was disposed');
  });

  test('a decoder decodes again with a cache of a shape that it had before', async () => {
    const config = parseConfig(
      JSON.stringify({
        ...{ model_type: 'llama', hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2, num_attention_heads: 2 },
        ...{ num_key_value_heads: 2, vocab_size: 64, max_position_embeddings: 256, rms_norm_eps: 1e-6 },
        tie_word_embeddings: true,
      }),
    );
    const graph = new Graph();
    const executor = open(graph);
    declareWeights(graph, config, () => 'f32');
    for (const value of graph.declared()) executor.write(value, randomFloats(sizeOf(value.shape), value.id + 1));
    const decoder = Decoder.open(executor, graph, config);
    const sampling = { temperature: 0, topP: 1, seed: 1 };
    const decode = async () => {
      const tokens: number[] = [];
      const prompt = { ids: [1, 2, 3], maxTokens: 4, stops: new Set<number>(), sampling };
      for await (const made of decoder.tokens(null, [prompt])) tokens.push(...made.map(({ token }) => token));
      return tokens;
    };
    decoder.reserve({ sequences: 1, positions: 64 });
    const first = await decode();
    decoder.reserve({ sequences: 2, positions: 128 });
    const bytes = executor.bytes();
    decoder.reserve({ sequences: 1, positions: 64 });
    expect(executor.bytes()).toBeLessThanOrEqual(bytes);
    expect(await decode()).toEqual(first);
  });
});
