/** DoRA's linear layer against its formula in f64, with and without dropout. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { dropout } from '../../kernels/dropout';
import { STREAM } from '../../src/core/random';
import { sizeOf } from '../../src/core/shape';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { declareTuning } from '../../src/method';
import { declareBatch, packedPass } from '../../src/model/pass';
import { declareWeights } from '../../src/model/weights';
import { loraScale } from '../../src/recipe/methods';
import { parseRecipe } from '../../src/recipe/recipe';
import { parseLlama } from '../models';
import { randomFloats } from '../random';

const MODULE = 'model.layers.0.self_attn.q_proj';
const TOKENS = 6;
const RATE = 0.4;
const config = parseLlama(
  JSON.stringify({
    ...{ model_type: 'llama', hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2 },
    ...{ vocab_size: 8, max_position_embeddings: 16, attention_bias: true },
  }),
);

beforeAll(() => tf.setBackend('cpu'));

const product = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
const rowsOf = (data: ArrayLike<number>, width: number) =>
  Array.from({ length: data.length / width }, (_, r) => Array.from({ length: width }, (_, c) => data[r * width + c] ?? 0));

test.each([false, true])('with dropout: %s', async (dropped) => {
  const { method } = parseRecipe({
    version: 2,
    method: { kind: 'lora', rank: 2, useDora: true, dropout: RATE, targetModules: ['q_proj'] },
  });
  if (method.kind !== 'lora') throw new Error('not LoRA');
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const tuning = declareTuning(graph, 'run', config, method);
  const shape = { rows: 1, tokens: TOKENS };
  const batch = declareBatch(graph, 'batch', shape);
  const seed = graph.declare('seed', 'input', [2], 'i32');
  const [x, residual] = ['x', 'residual'].map((name) => graph.declare(name, 'input', [TOKENS, 8]));
  if (x === undefined || residual === undefined) throw new Error('not declared');
  const program = graph.program('linear');
  const pass = packedPass(program, graph, config, batch, shape, tuning, dropped ? seed : null);
  const y = pass.linear(MODULE, x, { addend: residual });
  const kept = dropout(program, x, seed, { rate: RATE, stream: STREAM.dropout });
  const executor = new TfjsExecutor(graph, 'cpu');
  const random = (of: { readonly shape: readonly number[] }, salt: number) => randomFloats(sizeOf(of.shape), salt);
  const [weight, bias] = [graph.named(`${MODULE}.weight`), graph.named(`${MODULE}.bias`)];
  const written = [weight, bias, x, residual].map((value, i) => ({ value, data: random(value, 10 + i) }));
  const trained = random(tuning.parameters.flat, 3);
  for (const { value, data } of written) executor.write(value, data);
  executor.write(tuning.parameters.flat, trained);
  executor.write(seed, Int32Array.of(7, 1));
  const [found = [], source = []] = await executor.run(await executor.compile(plan(program, [y, kept])));

  const [w, b, input, addend] = written.map(({ data }) => data);
  const of = (name: string, width: number) => {
    const { view, shape: dimensions } = tuning.parameters.named(`${MODULE}.${name}`);
    return rowsOf(trained.subarray(view?.offset ?? 0, (view?.offset ?? 0) + sizeOf(dimensions)), width);
  };
  const [A, B, m] = [of('lora_A.weight', 8), of('lora_B.weight', 2), of('lora_magnitude_vector', 1).flat()];
  const W = rowsOf(w ?? [], 8);
  const scale = loraScale(method);
  const combined = W.map((row, n) => row.map((e, k) => e + scale * product(B[n] ?? [], [A[0]?.[k] ?? 0, A[1]?.[k] ?? 0])));
  const rows = rowsOf(input ?? [], 8);
  const masked = dropped ? rowsOf(source, 8) : rows;
  const expected = rows.flatMap((row, t) =>
    combined.map((mixed, n) => {
      const g = (m[n] ?? 0) / Math.hypot(...mixed);
      const plain = product(W[n] ?? [], row) - product(W[n] ?? [], masked[t] ?? []);
      return plain + g * product(mixed, masked[t] ?? []) + (b?.[n] ?? 0) + (addend?.[8 * t + n] ?? 0);
    }),
  );
  expect(rows.flat().some((e, i) => e !== masked.flat()[i])).toBe(dropped);
  expected.forEach((value, i) => expect(Math.abs((found[i] ?? NaN) - value)).toBeLessThan(2e-5));
});
