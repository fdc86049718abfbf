/** Which activations of a training step are stored in f16, and how much memory that saves, with real model shapes. */

import { describe, expect, test } from 'vitest';
import { gradient } from '../../src/graph/gradient';
import { Graph, type Node } from '../../src/graph/graph';
import { asUse } from '../../src/graph/node';
import { peakLive } from '../../src/graph/memory';
import { plan, type Plan } from '../../src/graph/plan';
import { KEEP_ALL } from '../../src/graph/remat';
import type { ModelConfig } from '../../src/model/config';
import { declareWeights } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import { matmulOp } from '../../kernels/matmul';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { dot, scale } from '../../kernels/scale';
import { unary } from '../../kernels/unary';
import { modelShapes } from '../models';

function plans(config: ModelConfig, dropout: number): { readonly before: Plan; readonly after: Plan } {
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const recipe = parseRecipe({ sequenceLength: 512, dropout });
  const before = trainingPrograms(graph, config, recipe, 'run').train;
  const after = trainingPrograms(graph, config, { ...recipe, activationPrecision: 'f16' }, 'f16').train;
  return { before, after };
}

/** `op type` of the temporaries that the nodes compute, each once. */
function typesOf(nodes: readonly Node[]): readonly string[] {
  const temps = (node: Node) => node.outputs.filter(({ role }) => role === 'temp');
  return [...new Set(nodes.flatMap((node) => temps(node).map((value) => `${node.op.name} ${value.dtype}`)))].sort();
}

/** Products of the forward pass with the residual as addend. */
const residual = (node: Node) => {
  const addend = asUse(node, matmulOp)?.inputs.addend ?? null;
  return node.pass === 'forward' && addend !== null;
};

describe.each([
  ['SmolLM2-135M', 0],
  ['Qwen3-0.6B', 0],
  ['Qwen2.5-0.5B', 0.1],
] as const)('a step of %s with dropout %d', (name, dropout) => {
  const config = modelShapes[name];
  const { before, after } = plans(config, dropout);

  test('keeps the residual stream and its gradient, narrow results and the loss in f32', () => {
    const types = typesOf(after.nodes.filter((node) => !residual(node)));
    const large = ['attention f16', 'attention_backward f16', 'matmul f16', 'rmsnorm f16', 'rope f16', 'scale f16', 'swiglu f16'];
    for (const each of large) expect(types).toContain(each);
    for (const each of ['embedding f16', 'rmsnorm_backward f16', 'crossentropy f16', 'matmul f32'])
      expect(types).not.toContain(each);
    expect(typesOf(after.nodes.filter(residual))).toEqual(['matmul f32']);
  });

  test('computes every value before it is read, with the same ops as in f32', () => {
    const known = new Set<Value>();
    for (const node of after.nodes) {
      for (const value of node.inputs) if (value?.role === 'temp') expect(known.has(value)).toBe(true);
      for (const value of node.outputs) known.add(value);
    }
    expect(after.nodes.map(({ op }) => op)).toEqual(before.nodes.map(({ op }) => op));
  });

  test('takes less than two thirds of the memory', () => {
    expect(peakLive(after)).toBeLessThan((2 / 3) * peakLive(before));
  });
});

test('values of tokens and documents stay f32, also between ops that can store f16', () => {
  const graph = new Graph();
  const [x, w, s] = [graph.declare('x', 'input', [8]), graph.declare('w', 'input', [8]), graph.declare('s', 'input', [1])];
  const program = graph.program('loss');
  const shares = unary(program, mul(program, x, w), { kind: 'sigmoid' });
  const loss = dot(program, scale(program, mul(program, shares, shares), s), w);
  const found = gradient(program, new Map([[loss, s]]), [x]);
  const { nodes } = plan(program, [loss, ...found.values()], KEEP_ALL, 'f16');
  expect(nodes.length).toBeGreaterThan(8);
  expect(typesOf(nodes).filter((type) => type.endsWith('f16'))).toEqual([]);
});
