/** Trained prompts: documents of a packed row against the same documents alone, the base beside them, decoding, starts and files. */

import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { batchSpace, collate, VIRTUAL_ID } from '../../src/batch/collate';
import type { Batch, EncodedSplit } from '../../src/batch/types';
import { peft } from '../../src/export/peft-adapter';
import { writePeft } from '../../src/export/peft';
import { readPeft } from '../../src/export/read-peft';
import { readHeader } from '../../src/formats/safetensors-read';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { declareTuning } from '../../src/method';
import type { Tuning } from '../../src/method/method';
import { madeVectors } from '../../src/method/p-tuning';
import { startIds } from '../../src/method/prompt';
import { parseConfig } from '../../src/model/families';
import type { ModelFolder } from '../../src/model/folder';
import { Decoder } from '../../src/model/generate';
import { declareBatch, hiddenStates, logitsOf, packedPass, tokensFor } from '../../src/model/pass';
import { rotaryData } from '../../src/model/rotary';
import { declareWeights, tokenTable } from '../../src/model/weights';
import { defaultMethod, virtualTokens, type MethodName, type MethodSettings } from '../../src/recipe/methods';
import { parseRecipe } from '../../src/recipe/recipe';
import { BatchWriter } from '../../src/train/batch-writer';
import { LANGUAGE } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import { sizeOf } from '../../src/core/shape';
import { deviation } from '../deviation';
import { randomFloats } from '../random';

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));
const VIRTUAL = 3;
const TOKENS = 24;
const DOCUMENTS = [
  [5, 9, 11, 40, 7],
  [90, 3, 12],
  [33, 20, 61, 8],
];

beforeAll(() => tf.setBackend('cpu'));

function methodWith(name: MethodName, changes: object = {}): MethodSettings {
  return parseRecipe({ version: 2, method: { ...defaultMethod(name), virtualTokens: VIRTUAL, ...changes } }).method;
}

const METHODS: readonly MethodSettings[] = [
  methodWith('prompt', { promptStart: 'random' }),
  methodWith('p-tuning', { encoderSize: 12 }),
  methodWith('prefix'),
];

/** The base of a case on tfjs's cpu backend. */
async function modelOf(name: string) {
  const config = parseConfig(golden(`${name}/config.json`).toString());
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const executor = new TfjsExecutor(graph, 'cpu');
  const file = new Blob([golden(`${name}/model.safetensors`)]);
  const weights = new Map<string, Float32Array<ArrayBuffer>>();
  for (const tensor of (await readHeader(file, name)).tensors) {
    const data = new Float32Array(await file.slice(tensor.start, tensor.end).arrayBuffer());
    weights.set(tensor.name, data);
    executor.write(graph.named(tensor.name), data);
  }
  return { config, graph, executor, weights };
}

type Model = Awaited<ReturnType<typeof modelOf>>;

function tuningOf({ config, graph, executor }: Model, method: MethodSettings): Tuning {
  const tuning = declareTuning(graph.scope(), 'run', config, method);
  executor.write(tuning.parameters.flat, randomFloats(sizeOf(tuning.parameters.flat.shape), 5));
  return tuning;
}

function splitOf(documents: readonly (readonly number[])[]): EncodedSplit {
  const offsets = documents.reduce<number[]>((ends, { length }) => [...ends, (ends.at(-1) ?? 0) + length], [0]);
  const ids = Int32Array.from(documents.flat());
  const trained = Uint8Array.from(documents.flatMap((document) => document.map((_, i) => (i === 0 ? 0 : 1))));
  return { ids, trained, offsets: Uint32Array.from(offsets), lines: Uint32Array.from(documents.keys()) };
}

/** All documents in one row. */
function rowOf(documents: readonly (readonly number[])[], virtual: number): Batch {
  const packing = { docs: Uint32Array.from(documents.keys()), starts: Uint32Array.of(0, documents.length) };
  const shape = { rows: 1, rowLength: TOKENS, virtualTokens: virtual, padId: null };
  return collate(splitOf(documents), packing, 0, shape, batchSpace(shape));
}

/** Logits [V] after each token of the documents, which are in one row; those of virtual tokens are left out. */
async function logitsIn(model: Model, documents: readonly (readonly number[])[], tuning: Tuning | null, virtual: number) {
  const { config, executor } = model;
  const graph = model.graph.scope();
  const shape = { rows: 1, tokens: TOKENS, virtual };
  const inputs = declareBatch(graph, 'batch', shape);
  const program = graph.program('logits');
  const tokens = tokensFor(inputs, tuning);
  const states = hiddenStates(packedPass(program, graph, config, tokens, shape, tuning), config, tokens);
  const compiled = await executor.compile(plan(program, [logitsOf(program, graph, config, tuning, states)]));
  for (const [value, data] of rotaryData(graph, config, TOKENS)) executor.write(value, data);
  const batch = rowOf(documents, virtual);
  new BatchWriter(executor, inputs, config.firstPosition).write(batch, 1);
  const [logits] = await executor.run(compiled);
  const at = [...batch.ids.keys()].filter((i) => (batch.segments[i] ?? -1) >= 0 && batch.ids[i] !== VIRTUAL_ID);
  return at.map((i) => Array.from(logits ?? []).slice(i * config.vocabSize, (i + 1) * config.vocabSize));
}

function expectClose(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(found.length).toBe(expected.length);
  const off = found.flatMap((row, i) => row.map((x, j) => Math.abs(x - (expected[i]?.[j] ?? NaN))));
  expect(Math.max(...off)).toBeLessThan(1e-6);
}

it('virtual tokens take the first places of each document, and the last of them predicts its first token without a loss', () => {
  const batch = rowOf(DOCUMENTS.slice(1), VIRTUAL);
  const none = VIRTUAL_ID;
  expect([...batch.ids.slice(0, 13)]).toEqual([none, none, none, 90, 3, 12, none, none, none, 33, 20, 61, 8]);
  expect([...batch.positions.slice(0, 13)]).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6]);
  expect([...batch.segments.slice(0, 14)]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, -1]);
  expect([...batch.labels.slice(0, 7)]).toEqual([-1, -1, 90, 3, 12, -1, -1]);
  expect([...batch.weights.slice(0, 7)]).toEqual([0, 0, 0, 1, 1, 0, 0]);
});

describe.each(METHODS)('$kind', (method) => {
  it.each(['llama_prompt', 'gemma3_window'])('a document of a packed row has the logits that it has alone: %s', async (name) => {
    const model = await modelOf(name);
    const tuning = tuningOf(model, method);
    const packed = await logitsIn(model, DOCUMENTS, tuning, VIRTUAL);
    const alone = [];
    for (const document of DOCUMENTS) alone.push(...(await logitsIn(model, [document], tuning, VIRTUAL)));
    expectClose(packed, alone);
    const base = await logitsIn(model, DOCUMENTS, null, 0);
    expect(packed[1]).not.toEqual(base[1]);
  });

  it('the base reads the same row as if there were no virtual tokens', async () => {
    const model = await modelOf('llama_prompt');
    expectClose(await logitsIn(model, DOCUMENTS, null, VIRTUAL), await logitsIn(model, DOCUMENTS, null, 0));
  });

  it('decoding goes on as the packed pass does', async () => {
    const model = await modelOf('llama_prompt');
    const tuning = tuningOf(model, method);
    const prompts = DOCUMENTS.slice(0, 2).map((ids) => ({
      ...{ ids, maxTokens: 5, stops: new Set<number>(), sampling: { temperature: 0, topP: 1, seed: 0 } },
    }));
    const found: number[][] = prompts.map(() => []);
    for await (const made of Decoder.open(model.executor, model.graph, model.config).tokens(tuning, prompts))
      for (const { prompt, token } of made) found[prompt]?.push(token);
    for (const [i, { ids }] of prompts.entries()) {
      const whole = [...ids, ...(found[i] ?? [])];
      const logits = await logitsIn(model, [whole], tuning, VIRTUAL);
      const best = logits.slice(ids.length - 1, -1).map((row) => row.indexOf(Math.max(...row)));
      expect(found[i]).toEqual(best);
    }
  });

  it('a restored session goes on with the same bytes', async () => {
    const model = await modelOf('llama_prompt');
    const recipe = parseRecipe({ version: 2, method, microBatch: 1, sequenceLength: TOKENS, learningRate: 1e-2 });
    expect(virtualTokens(recipe.method)).toBe(VIRTUAL);
    const open = () => {
      const programs = trainingPrograms(model.graph, model.config, recipe, 'run', undefined, LANGUAGE);
      return TrainingSession.open(model.executor, model.config, programs, recipe, 4);
    };
    const source = { batch: () => rowOf(DOCUMENTS, VIRTUAL) };
    const whole = await open();
    const losses = [];
    for (let i = 0; i < 4; i++) losses.push((await whole.advance(source)).loss);
    const end = await whole.snapshot();
    whole.dispose();
    const first = await open();
    for (let i = 0; i < 2; i++) await first.advance(source);
    const kept = await first.snapshot();
    first.dispose();
    const second = await open();
    second.restore(kept);
    const tail = [(await second.advance(source)).loss, (await second.advance(source)).loss];
    expect(tail).toEqual(losses.slice(2));
    expect(await second.snapshot()).toEqual(end);
    expect(losses[3]).toBeLessThan(losses[0] ?? 0);
  });
});

describe('the start of a prompt', () => {
  const tokenizer = { encode: (text: string) => text.split(' ').map(Number), vocabSize: 96 };
  const promptWith = (changes: object) => {
    const method = methodWith('prompt', { virtualTokens: 5, ...changes });
    if (method.kind !== 'prompt') throw new Error('not a prompt');
    return method;
  };

  it('is the tokens of the text, repeated or cut', () => {
    const ids = (promptText: string) => startIds(promptWith({ promptStart: 'text', promptText }), tokenizer, 1);
    expect(ids('7 8')).toEqual([7, 8, 7, 8, 7]);
    expect(ids('1 2 3 4 5 6')).toEqual([1, 2, 3, 4, 5]);
  });

  it('is drawn from the vocabulary by the seed, or from no tokens', () => {
    const drawn = (seed: number) => startIds(promptWith({ promptStart: 'vocabulary' }), tokenizer, seed) ?? [];
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
    expect(drawn(1).every((id) => Number.isInteger(id) && id >= 0 && id < 96)).toBe(true);
    expect(startIds(promptWith({ promptStart: 'random' }), tokenizer, 1)).toBeUndefined();
  });

  it.each(['llama_prompt', 'gemma3'])('is what the model reads for these tokens: %s', async (name) => {
    const model = await modelOf(name);
    const recipe = parseRecipe({ version: 2, method: promptWith({}), sequenceLength: TOKENS });
    const ids = [4, 50, 4, 95, 0];
    const programs = trainingPrograms(model.graph, model.config, recipe, 'run', undefined, { ...LANGUAGE, startIds: ids });
    const session = await TrainingSession.open(model.executor, model.config, programs, recipe, 1);
    const { parameters } = await session.snapshot();
    const { hiddenSize: width, embeddingScale = 1 } = model.config;
    const table = model.weights.get(tokenTable(model.config)) ?? new Float32Array();
    const expected = ids.flatMap((id) =>
      Array.from(table.slice(id * width, (id + 1) * width), (x) => Math.fround(embeddingScale * x)),
    );
    expect(Array.from(parameters.slice(0, expected.length))).toEqual(expected);
  });

  it('without its tokens is refused', async () => {
    const model = await modelOf('llama_prompt');
    const recipe = parseRecipe({ version: 2, method: promptWith({}), sequenceLength: TOKENS });
    const programs = trainingPrograms(model.graph, model.config, recipe, 'run');
    await expect(TrainingSession.open(model.executor, model.config, programs, recipe, 1)).rejects.toThrow('without its tokens');
  });
});

describe('PEFT’s files', () => {
  const read = (changes: object = {}) => {
    const config = JSON.parse(golden('llama_prompt/final/adapter_config.json').toString()) as object;
    const weights = new Blob([golden('llama_prompt/final/adapter_model.safetensors')]);
    return readPeft(JSON.stringify({ ...config, ...changes }), weights);
  };

  it('are read as the settings of the method', async () => {
    const { method, tensors } = await read();
    expect(method).toEqual({ kind: 'prompt', virtualTokens: 4, promptStart: 'random', promptText: '' });
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([['prompt_embeddings', [4, 32]]]);
  });

  it('are written with PEFT’s bytes', async () => {
    const adapter = await read();
    const [config, weights] = writePeft(adapter.tensors, adapter, 'base', { layers: 2, heads: 4, kvHeads: 2 });
    expect(Buffer.compare(weights?.bytes ?? Buffer.of(), golden('llama_prompt/final/adapter_model.safetensors'))).toBe(0);
    const theirs = JSON.parse(golden('llama_prompt/final/adapter_config.json').toString()) as Record<string, unknown>;
    const ours = JSON.parse(new TextDecoder().decode(config?.bytes)) as Record<string, unknown>;
    const same = Object.fromEntries(Object.keys(ours).map((key) => [key, theirs[key]]));
    expect(ours).toEqual({ ...same, base_model_name_or_path: 'base' });
  });

  it('of p-tuning have what the network makes, as PEFT computes it', async () => {
    const numbers = async (name: string) => {
      const file = new Blob([golden(`llama_p_tuning/final/${name}`)]);
      const { tensors } = await readHeader(file, name);
      return Promise.all(
        tensors.map(async ({ name: key, shape, start, end }) => {
          return { name: key, shape, data: new Float32Array(await file.slice(start, end).arrayBuffer()) };
        }),
      );
    };
    const [made] = madeVectors(await numbers('prompt_encoder.safetensors'));
    const [theirs] = await numbers('adapter_model.safetensors');
    expect(made).toMatchObject({ name: 'prompt_embeddings', shape: theirs?.shape });
    expect(deviation(made?.data ?? [], theirs?.data ?? [])).toBeLessThan(1e-6);

    const config = golden('llama_p_tuning/final/adapter_config.json').toString();
    const adapter = await readPeft(config, new Blob([golden('llama_p_tuning/final/adapter_model.safetensors')]));
    expect(adapter.method).toEqual({ kind: 'p-tuning', virtualTokens: 4, encoderSize: 0 });
    const [, weights] = writePeft(adapter.tensors, adapter, 'base');
    expect(Buffer.compare(weights?.bytes ?? Buffer.of(), golden('llama_p_tuning/final/adapter_model.safetensors'))).toBe(0);
  });

  it('of prefix tuning are read, and written with PEFT’s bytes', async () => {
    const config = golden('llama_prefix/final/adapter_config.json').toString();
    const adapter = await readPeft(config, new Blob([golden('llama_prefix/final/adapter_model.safetensors')]));
    expect(adapter.method).toEqual({ kind: 'prefix', virtualTokens: 4 });
    const [text, weights] = writePeft(adapter.tensors, adapter, 'base', { layers: 2, heads: 4, kvHeads: 2 });
    expect(Buffer.compare(weights?.bytes ?? Buffer.of(), golden('llama_prefix/final/adapter_model.safetensors'))).toBe(0);
    const theirs = JSON.parse(config) as Record<string, unknown>;
    const ours = JSON.parse(new TextDecoder().decode(text?.bytes)) as Record<string, unknown>;
    const same = Object.fromEntries(Object.keys(ours).map((key) => [key, theirs[key]]));
    expect(ours).toEqual({ ...same, base_model_name_or_path: 'base' });
  });

  it('of p-tuning are as large as said before', () => {
    const sizes = [
      { name: 'embedding.weight', shape: [5, 8] },
      { name: 'mlp_head.0.weight', shape: [12, 8] },
    ];
    expect(peft.bytes({} as ModelFolder, sizes)).toBe(4 * 5 * 8);
  });

  it('are refused where the number of vectors is another', async () => {
    await expect(read({ num_virtual_tokens: 5 })).rejects.toThrow('has the shape [4, 32], expected [5, any]');
  });
});
