/** IA³: its linear layers against their formulas in f64, the layers that are usual in each family, and its files. */

import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readPeft } from '../../src/export/read-peft';
import { writePeft } from '../../src/export/peft';
import { sizeOf } from '../../src/core/shape';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { declareTuning, parametersOf } from '../../src/method';
import { initialValues } from '../../src/method/parameters';
import { parseConfig } from '../../src/model/families';
import { declareBatch, packedPass } from '../../src/model/pass';
import { declareWeights } from '../../src/model/weights';
import { defaultMethod, type Ia3Settings } from '../../src/recipe/methods';
import { randomFloats } from '../random';

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));
const TOKENS = 5;
const [C, F] = [8, 12];
const config = parseConfig(
  JSON.stringify({
    ...{ model_type: 'llama', hidden_size: C, intermediate_size: F, num_hidden_layers: 1, num_attention_heads: 2 },
    ...{ vocab_size: 8, max_position_embeddings: 16, attention_bias: true, mlp_bias: true },
  }),
);

function ia3With(changes: Partial<Ia3Settings> = {}): Ia3Settings {
  const method = defaultMethod('ia3');
  if (method.kind !== 'ia3') throw new Error('not IA³');
  return { ...method, ...changes };
}

beforeAll(() => tf.setBackend('cpu'));

/** What the adapted layer computes, and what its formula is made of. */
async function layer(module: string, inputs: number, outputs: number) {
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const tuning = declareTuning(graph, 'run', config, ia3With());
  const shape = { rows: 1, tokens: TOKENS };
  const x = graph.declare('x', 'input', [TOKENS, inputs]);
  const residual = graph.declare('residual', 'input', [TOKENS, outputs]);
  const program = graph.program('linear');
  const pass = packedPass(program, graph, config, declareBatch(graph, 'batch', shape), shape, tuning);
  const y = pass.linear(module, x, { addend: residual });
  const executor = new TfjsExecutor(graph, 'cpu');
  const values = [graph.named(`${module}.weight`), graph.named(`${module}.bias`), x, residual, tuning.parameters.flat];
  const data = values.map((value, i) => randomFloats(sizeOf(value.shape), 20 + i));
  values.forEach((value, i) => executor.write(value, data[i] ?? new Float32Array()));
  const [found = []] = await executor.run(await executor.compile(plan(program, [y])));
  const own = tuning.parameters.named(`${module}.ia3_l`);
  const at = (i: number) => (j: number) => data[i]?.[j] ?? NaN;
  return {
    found,
    w: at(0),
    b: at(1),
    x: at(2),
    r: at(3),
    l: (j: number) => at(4)((own.view?.offset ?? 0) + j),
    shape: own.shape,
  };
}

const sum = (n: number, term: (k: number) => number) => Array.from({ length: n }, (_, k) => term(k)).reduce((a, b) => a + b, 0);

describe('a linear layer', () => {
  it('with scaled outputs is (W·x + b)·l, and the residual is not scaled', async () => {
    const { found, w, b, x, r, l, shape } = await layer('model.layers.0.self_attn.k_proj', C, C);
    expect(shape).toEqual([C]);
    for (let t = 0; t < TOKENS; t++)
      for (let n = 0; n < C; n++) {
        const expected = (sum(C, (k) => w(n * C + k) * x(t * C + k)) + b(n)) * l(n) + r(t * C + n);
        expect(Math.abs((found[t * C + n] ?? NaN) - expected)).toBeLessThan(1e-5);
      }
  });

  it('with scaled inputs is W·(x·l) + b, and the bias is not scaled', async () => {
    const { found, w, b, x, r, l, shape } = await layer('model.layers.0.mlp.down_proj', F, C);
    expect(shape).toEqual([F]);
    for (let t = 0; t < TOKENS; t++)
      for (let n = 0; n < C; n++) {
        const expected = sum(F, (k) => w(n * F + k) * x(t * F + k) * l(k)) + b(n) + r(t * C + n);
        expect(Math.abs((found[t * C + n] ?? NaN) - expected)).toBeLessThan(1e-5);
      }
  });
});

it('starts with ones, between zeros', () => {
  const { parameters } = declareTuning(new Graph(), 'run', config, ia3With());
  const vector = initialValues(parameters, 1);
  expect(vector.filter((value) => value === 1)).toHaveLength(2 * C + F);
  expect(vector.filter((value) => value === 0)).toHaveLength(vector.length - 2 * C - F);
});

it.each([
  ['llama_ia3', ['self_attn.k_proj', 'self_attn.v_proj', 'mlp.down_proj']],
  ['qwen2', ['self_attn.k_proj', 'self_attn.v_proj', 'mlp.down_proj']],
  ['gpt2', ['attn.c_attn', 'mlp.c_proj']],
  ['bert_seqcls', ['attention.self.key', 'attention.self.value', 'attention.output.dense', 'output.dense']],
  ['roberta_seqcls', ['attention.self.key', 'attention.self.value', 'attention.output.dense', 'output.dense']],
  ['distilbert_seqcls', ['attention.k_lin', 'attention.v_lin', 'ffn.lin2']],
])('the usual layers of %s are %j', (name, expected) => {
  const names = parametersOf(parseConfig(golden(`${name}/config.json`).toString()), ia3With()).map((one) => one.name);
  const layers = names.filter((one) => one.includes('.1.')).map((one) => one.replace(/^.*\.1\.|\.ia3_l$/g, ''));
  expect(layers).toEqual(expected);
});

describe('PEFT’s files', () => {
  const weights = new Blob([golden('llama_ia3/final/adapter_model.safetensors')]);
  const text = golden('llama_ia3/final/adapter_config.json').toString();
  const changed = (changes: object) => JSON.stringify({ ...(JSON.parse(text) as object), ...changes });

  it('are read as the settings of the method', async () => {
    const { method, tensors } = await readPeft(text, weights);
    expect(method).toEqual({ kind: 'ia3', scaledOutputs: ['k_proj', 'v_proj'], scaledInputs: ['down_proj'], layerDecay: 1 });
    expect(tensors.map(({ shape }) => shape)).toContainEqual([16, 1]);
  });

  it('with an expression instead of names are read by the shapes of their tensors', async () => {
    const { method } = await readPeft(changed({ target_modules: '.*(k|v|down)_proj' }), weights);
    if (method.kind !== 'ia3') throw new Error('not IA³');
    expect(method.scaledInputs).toEqual(['model.layers.0.mlp.down_proj', 'model.layers.1.mlp.down_proj']);
    expect(method.scaledOutputs).toHaveLength(4);
  });

  it('are refused where a vector has the shape of the other kind, and where there is none', async () => {
    const wrong = readPeft(changed({ feedforward_modules: [] }), weights);
    await expect(wrong).rejects.toThrow('has the shape [1, 48], expected [any, 1]');
    await expect(readPeft(text, new Blob([golden('llama_dora/final/adapter_model.safetensors')]))).rejects.toThrow(
      'is neither a tensor of the adapter',
    );
  });

  it('name the usual layers of the model that they are for', () => {
    const name = 'transformer.h.0.mlp.c_proj.ia3_l';
    const tensors = [
      { name, shape: [3], data: Float32Array.of(1, 2, 3) },
      { name: 'transformer.h.0.attn.c_attn.ia3_l', shape: [2], data: Float32Array.of(4, 5) },
    ];
    const settings = { method: ia3With(), modulesToSave: [], fanInFanOut: true, taskType: 'CAUSAL_LM' } as const;
    const [file] = writePeft(tensors, settings, 'gpt2');
    expect(JSON.parse(new TextDecoder().decode(file?.bytes))).toMatchObject({
      ...{ peft_type: 'IA3', fan_in_fan_out: true },
      ...{ target_modules: ['c_attn', 'mlp.c_proj'], feedforward_modules: ['mlp.c_proj'] },
    });
  });
});
