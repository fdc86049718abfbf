/** Sums that are fused into the kernels that compute their terms. */

import { expect, test } from 'vitest';
import { gradient } from '../../src/graph/gradient';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { declareWeights } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import { add } from '../../kernels/add';
import { layernorm } from '../../kernels/layernorm';
import { matmul } from '../../kernels/matmul';
import { modelShapes } from '../models';

test.each(['SmolLM2-135M', 'Qwen3-0.6B'] as const)('a training step of %s has no separate sums', (name) => {
  const graph = new Graph();
  declareWeights(graph, modelShapes[name], () => 'f32');
  const { nodes } = trainingPrograms(graph, modelShapes[name], parseRecipe({}), 'run').train;
  expect(nodes.filter(({ op }) => op.name === 'add' || op.name === 'accumulate')).toHaveLength(0);
});

test('a term that something else reads is not fused', () => {
  const graph = new Graph();
  const x = graph.declare('x', 'input', [4, 8]);
  const w = graph.declare('w', 'frozen', [8, 8]);
  const program = graph.program('sum');
  const part = matmul(program, { a: x, w });
  const sum = add(program, part, x);
  const names = (outputs: Parameters<typeof plan>[1]) => plan(program, outputs).nodes.map(({ op }) => op.name);
  expect(names([sum])).toEqual(['matmul']);
  expect(names([sum, part])).toEqual(['matmul', 'add']);
});

test('a layer norm adds the gradient of the residual', () => {
  const graph = new Graph();
  const x = graph.declare('x', 'input', [4, 8]);
  const w = graph.declare('w', 'frozen', [8, 8]);
  const [weight, bias] = [graph.declare('weight', 'frozen', [8]), graph.declare('bias', 'frozen', [8])];
  const dy = graph.declare('dy', 'input', [4, 8]);
  const program = graph.program('block');
  const y = matmul(program, { a: layernorm(program, x, weight, bias, 1e-5), w, addend: x });
  const dx = gradient(program, new Map([[y, dy]]), [x]).get(x);
  if (dx === undefined) throw new Error('no gradient');
  const backward = plan(program, [dx]).nodes.filter(({ pass }) => pass === 'backward');
  expect(backward.map(({ op }) => op.name)).toEqual(['matmul', 'layernorm_backward']);
  expect(backward.at(-1)?.inputs.at(-1)).toBe(dy);
});

test('a layer with adapters on all linear layers takes 52 operations', () => {
  const config = modelShapes['SmolLM2-135M'];
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const { nodes } = trainingPrograms(graph, config, parseRecipe({}), 'run').train;
  const count = (wanted: string) => nodes.filter(({ layer, pass }) => layer === 1 && pass === wanted).length;
  // Forward: two norms, seven products with x·Aᵀ, rope, attention and swiglu. Backward: each product also has du, dA and dB.
  expect([count('forward'), count('backward')]).toEqual([2 + 7 * 2 + 3, 2 + 7 * 4 + 3]);
});
