/** Which activations of a training step are stored in f16, and what memory that saves. Real model shapes. */

import { describe, expect, test } from 'vitest';
import { Graph, type Node } from '../../src/graph/graph';
import { peakLive } from '../../src/graph/memory';
import type { Plan } from '../../src/graph/plan';
import type { ModelConfig } from '../../src/model/config';
import { declareWeights } from '../../src/model/llama';
import { parseRecipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import type { Value } from '../../kernels/op';
import { modelShapes } from '../models';

function halved(config: ModelConfig, dropout: number): { readonly before: Plan; readonly after: Plan } {
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const recipe = parseRecipe({ sequenceLength: 512, dropout });
  const before = trainingPrograms(graph, config, recipe, 'run').train;
  const after = trainingPrograms(graph, config, { ...recipe, activationPrecision: 'f16' }, 'halves').train;
  return { before, after };
}

/** `op place: types` of what the nodes make, once each. */
function made(nodes: readonly Node[]): readonly string[] {
  const temps = (node: Node) => node.outputs.filter(({ role }) => role === 'temp');
  return [...new Set(nodes.flatMap((node) => temps(node).map((value) => `${node.op.name} ${value.dtype}`)))].sort();
}

/** Products that a residual is added to, forward; the sums of the backward pass are of halves. */
const residual = ({ op, pass, inputs }: Node) => op.name === 'matmul' && pass === 'forward' && inputs[5] != null;

describe.each([
  ['SmolLM2-135M', 0],
  ['Qwen3-0.6B', 0],
  ['Qwen2.5-0.5B', 0.1],
] as const)('a step of %s with dropout %d', (name, dropout) => {
  const config = modelShapes[name];
  const { before, after } = halved(config, dropout);

  test('keeps the residual stream, its gradient, what is narrow and the loss in f32', () => {
    const types = made(after.nodes.filter((node) => !residual(node)));
    const large = ['attention f16', 'attention_backward f16', 'matmul f16', 'rmsnorm f16', 'rope f16', 'scale f16', 'swiglu f16'];
    for (const each of large) expect(types).toContain(each);
    for (const each of ['embedding f16', 'rmsnorm_backward f16', 'crossentropy f16', 'matmul f32'])
      expect(types).not.toContain(each);
    expect(made(after.nodes.filter(residual))).toEqual(['matmul f32']);
  });

  test('reads what was made, as it was made', () => {
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
