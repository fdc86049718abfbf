/** Sums that are fused into the kernels that compute their terms. */

import { expect, test } from 'vitest';
import { gradient } from '../../src/graph/gradient';
import { Graph, type Program } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { declareWeights } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import { accumulate } from '../../kernels/accumulate';
import { add } from '../../kernels/add';
import { crossentropy } from '../../kernels/crossentropy';
import { embedding } from '../../kernels/embedding';
import { layernorm } from '../../kernels/layernorm';
import { lowrank } from '../../kernels/lowrank';
import { matmul } from '../../kernels/matmul';
import type { Value } from '../../kernels/op';
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

/** The operations of a program that accumulates the gradients of `wanted` for a cotangent of `y`. */
function accumulating(program: Program, y: Value, wanted: readonly Value[]): string[] {
  const { graph } = program;
  const found = gradient(program, new Map([[y, graph.declare('dy', 'input', y.shape)]]), wanted);
  wanted.forEach((value) => {
    const part = found.get(value);
    if (part === undefined) throw new Error(`no gradient of ${value.name}`);
    accumulate(program, graph.declare(`d${value.name}`, 'state', value.shape), part);
  });
  return plan(program, [])
    .nodes.filter(({ pass }) => pass === 'backward')
    .map(({ op }) => op.name);
}

test('gradients are accumulated where they are computed', () => {
  const graph = new Graph();
  const program = graph.program('layers');
  const [first, second] = [graph.declare('first', 'trainable', [8, 8]), graph.declare('second', 'trainable', [8, 8])];
  const bias = graph.declare('bias', 'trainable', [8]);
  const h = matmul(program, { a: graph.declare('x', 'input', [4, 8]), w: first, bias });
  const names = accumulating(program, matmul(program, { a: h, w: second }), [first, bias, second]);
  expect(names).toEqual(['matmul', 'lowrank_sum', 'lowrank_sum', 'column_sum', 'accumulate']);
});

test('the gradient of a head is scaled where it is accumulated', () => {
  const graph = new Graph();
  const program = graph.program('head');
  const head = graph.declare('head', 'trainable', [32, 8]);
  const hidden = graph.declare('hidden', 'input', [4, 8]);
  const labels = graph.declare('labels', 'input', [4], 'i32');
  const weights = graph.declare('weights', 'input', [4]);
  const { loss } = crossentropy(program, { hidden, head, labels, weights, training: true, trainHead: true });
  expect(accumulating(program, loss, [head])).toEqual(['accumulate']);
});

test('the gradients of a weight that is used twice are accumulated one by one', () => {
  const graph = new Graph();
  const program = graph.program('tied');
  const table = graph.declare('table', 'trainable', [32, 8]);
  const ids = graph.declare('ids', 'input', [4], 'i32');
  const names = accumulating(program, matmul(program, { a: embedding(program, { table, ids }), w: table }), [table]);
  expect(names).toEqual(['matmul', 'lowrank_sum', 'segment_sum', 'accumulate']);
});

test('a gradient that something else reads is accumulated at its place', () => {
  const graph = new Graph();
  const program = graph.program('sum');
  const [a, b] = [graph.declare('a', 'input', [4, 8]), graph.declare('b', 'input', [4, 8])];
  const sum = lowrank(program, a, b, { layout: 'tn', scale: 1 });
  const twice = add(program, sum, sum);
  accumulate(program, graph.declare('state', 'state', [8, 8]), twice);
  expect(plan(program, []).nodes.map(({ op }) => op.name)).toEqual(['lowrank', 'add', 'accumulate']);
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
