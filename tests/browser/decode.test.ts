/** Prompts decoded in parallel: each gets the tokens that it gets alone, on the device and on wasm, with one submit per token. */

import { beforeAll, expect, test, vi } from 'vitest';
import { f32ToF16 } from '../../src/core/f16';
import { sizeOf } from '../../src/core/shape';
import { openDevice, type Device } from '../../src/gpu/device';
import type { Executor } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { startTfjsWasm } from '../../src/graph/tfjs-backend';
import { parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import { Decoder, type Prompt } from '../../src/model/generate';
import { randomFloats } from '../random';

const config = parseConfig(
  JSON.stringify({
    ...{ model_type: 'qwen3', hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, head_dim: 16 },
    ...{ num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 300, max_position_embeddings: 128 },
    ...{ rms_norm_eps: 1e-6, tie_word_embeddings: true },
  }),
);

vi.setConfig({ testTimeout: 300_000 });
let device: Device;
beforeAll(async () => {
  device = await openDevice(navigator.gpu);
  await startTfjsWasm();
  return () => device.gpu.destroy();
});

/** A decoder over random weights, with the embedding in f16. */
function open(executorOf: (graph: Graph) => Executor, kind: 'webgpu' | 'wasm') {
  const graph = new Graph();
  const isTable = (name: string) => kind === 'webgpu' && name.includes('embed_tokens');
  declareWeights(graph, config, (name) => (isTable(name) ? 'f16' : 'f32'));
  const executor = executorOf(graph);
  for (const value of graph.declared()) {
    const data = randomFloats(sizeOf(value.shape), value.id + 1).map((x) => (value.shape.length === 1 ? 1 + x / 4 : x / 4));
    executor.write(value, isTable(value.name) ? f32ToF16(data) : data);
  }
  return { decoder: Decoder.open(executor, graph, config), executor };
}

const onDevice = () => open(() => new WebGpuExecutor(device, { poison: true }), 'webgpu');

const ids = (seed: number, length: number) => Array.from(randomFloats(length, seed), (x) => Math.floor((x + 1) * 150));
const greedy = { temperature: 0, topP: 1, seed: 0 };
const prompt = (seed: number, length: number, change: Partial<Prompt> = {}): Prompt => ({
  ...{ ids: ids(seed, length), maxTokens: 12, stops: new Set<number>(), sampling: greedy },
  ...change,
});

/** More than are decoded at once, with different lengths and sampling. One is longer than the context, one reaches its end. */
const prompts: readonly Prompt[] = [
  prompt(1, 1),
  prompt(2, 70),
  prompt(3, 5, { sampling: { temperature: 1, topP: 0.9, seed: 7 } }),
  prompt(4, 33, { maxTokens: 3 }),
  prompt(5, 200),
  prompt(6, 120, { maxTokens: 40 }),
  prompt(7, 2, { sampling: { temperature: 2, topP: 1, seed: 8 } }),
  prompt(8, 64, { maxTokens: 0 }),
  prompt(9, 9),
  prompt(10, 31),
];

/** The tokens that continue each prompt. */
async function decode(decoder: Decoder, all: readonly Prompt[]): Promise<number[][]> {
  const texts = all.map((): number[] => []);
  for await (const made of decoder.tokens(null, all)) for (const { prompt, token } of made) texts[prompt]?.push(token);
  return texts;
}

test('each prompt of a batch is continued with the same tokens as alone', async () => {
  const { decoder, executor } = onDevice();
  const together = await decode(decoder, prompts);
  const alone: number[][] = [];
  for (const each of prompts) alone.push(...(await decode(decoder, [each])));
  executor.dispose();
  expect(together).toEqual(alone);
  expect(together.map((tokens) => tokens.length)).toEqual([12, 12, 12, 3, 2, 9, 12, 0, 12, 12]);
});

test('a stop token ends its own sequence', async () => {
  const { decoder, executor } = onDevice();
  const pair = prompts.slice(0, 2);
  const [first = [], second = []] = await decode(decoder, pair);
  const stop = first.find((token, i) => i > 1 && !first.slice(0, i).includes(token)) ?? -1;
  const stopped = await decode(
    decoder,
    pair.map((each, i) => ({ ...each, stops: new Set(i === 0 ? [stop] : []) })),
  );
  executor.dispose();
  expect(stop).toBeGreaterThanOrEqual(0);
  expect(stopped).toEqual([first.slice(0, first.indexOf(stop) + 1), second]);
});

test('wasm gives the same greedy tokens', async () => {
  const [gpu, wasm] = [onDevice(), open((graph) => new TfjsExecutor(graph, 'tfjs-wasm'), 'wasm')];
  const some = prompts.filter(({ sampling }) => sampling === greedy).slice(0, 4);
  const [found, expected] = [await decode(gpu.decoder, some), await decode(wasm.decoder, some)];
  gpu.executor.dispose();
  wasm.executor.dispose();
  expect(found).toEqual(expected);
});

test('a step of all sequences is one submit, and creates no buffers', async () => {
  const { decoder, executor } = onDevice();
  const submits = vi.spyOn(device.gpu.queue, 'submit');
  const buffers = vi.spyOn(device.gpu, 'createBuffer');
  const bindGroups = vi.spyOn(device.gpu, 'createBindGroup');
  const counts: number[][] = [];
  const count = () => [submits, buffers, bindGroups].map((spy) => spy.mock.calls.length);
  for await (const made of decoder.tokens(null, prompts.slice(0, 3))) {
    expect(made.length).toBe(3);
    counts.push(count());
  }
  vi.restoreAllMocks();
  executor.dispose();
  const [first = [], last = []] = [counts[1], counts.at(-1)];
  const tokens = counts.length - 2;
  expect(tokens).toBe(10);
  expect(last.map((value, i) => value - (first[i] ?? 0))).toEqual([tokens, 0, 0]);
});
