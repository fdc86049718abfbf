/** Decoding with a cache compared with the tokens that transformers writes, for the golden cases that have them. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import type { ModelConfig } from '../../src/model/config';
import { Graph } from '../../src/graph/graph';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { parseConfig } from '../../src/model/families';
import { Decoder } from '../../src/model/generate';
import { readHeader } from '../../src/formats/safetensors-read';
import { declareWeights } from '../../src/model/weights';

const read = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));

/** `eval.greedy` of case.json, as make_golden.py writes it. */
interface Greedy {
  readonly ids: readonly number[];
  readonly tokens: readonly number[];
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** The greedy continuation of `ids` by the case's base model. */
async function decode(name: string, config: ModelConfig, { ids, tokens }: Greedy): Promise<number[]> {
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const executor = new TfjsExecutor(graph, 'cpu');
  const file = new Blob([read(`${name}/model.safetensors`)]);
  for (const tensor of (await readHeader(file, name)).tensors) {
    const data = new Float32Array(await file.slice(tensor.start, tensor.end).arrayBuffer());
    executor.write(graph.named(tensor.name), data);
  }
  const sampling = { temperature: 0, topP: 1, seed: 0 };
  const prompt = { ids, maxTokens: tokens.length, stops: new Set<number>(), sampling };
  const found: number[] = [];
  for await (const made of Decoder.open(executor, graph, config).tokens(null, [prompt]))
    found.push(...made.map(({ token }) => token));
  executor.dispose();
  return found;
}

const CASES = readdirSync(new URL('../golden/', import.meta.url)).flatMap((name) => {
  if (!existsSync(new URL(`../golden/${name}/case.json`, import.meta.url))) return [];
  const { greedy } = (JSON.parse(read(`${name}/case.json`).toString()) as { eval: { greedy?: Greedy } }).eval;
  return greedy === undefined ? [] : [{ name, greedy, config: parseConfig(read(`${name}/config.json`).toString()) }];
});

test('there are cases', () => {
  expect(CASES.map(({ name }) => name)).toEqual(['gemma2_window', 'gemma3_window', 'phi3_window']);
});

test.each(CASES)('$name is continued with the same tokens', async ({ name, config, greedy }) => {
  expect(await decode(name, config, greedy)).toEqual(greedy.tokens);
});

const WINDOWS = CASES.filter(({ config }) => config.attention.some(({ window }) => window > 0));

test.each(WINDOWS)('$name is continued with other tokens without its window', async ({ name, config, greedy }) => {
  const attention = config.attention.map((layer) => ({ ...layer, window: 0 }));
  expect(await decode(name, { ...config, attention }, greedy)).not.toEqual(greedy.tokens);
});
