/** Rematerialisation of a training step, with shapes of real models: which nodes run twice, in which order, and the memory saved. */

import { describe, expect, test } from 'vitest';
import { Graph, type Node } from '../../src/graph/graph';
import { peakLive } from '../../src/graph/memory';
import type { Plan } from '../../src/graph/plan';
import { rematPolicies, type RematPolicy } from '../../src/graph/remat';
import type { ModelConfig } from '../../src/model/config';
import { declareWeights } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import type { Value } from '../../kernels/op';
import { modelShapes } from '../models';

const TOKENS = 512;

function trainPlan(config: ModelConfig, keep: RematPolicy, dropout = 0): Plan {
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  return trainingPrograms(graph, config, parseRecipe({ sequenceLength: TOKENS, dropout }), 'run', keep).train;
}

const names = (nodes: readonly Node[]) => [...new Set(nodes.map(({ op }) => op.name))].sort();
const again = ({ nodes }: Plan) => nodes.filter(({ pass }) => pass === 'recompute');

describe.each(['SmolLM2-135M', 'Qwen3-0.6B'] as const)('a step of %s', (name) => {
  const config = modelShapes[name];
  const plans = rematPolicies(config.layers).map((keep) => ({ keep, plan: trainPlan(config, keep, 0.1) }));

  test('each policy needs less memory than the one before, and more operations', () => {
    const peaks = plans.map(({ plan }) => peakLive(plan));
    const flops = plans.map(({ plan }) => plan.flops);
    expect(peaks).toEqual([...peaks].sort((a, b) => b - a));
    expect(new Set(peaks).size).toBe(peaks.length);
    expect(flops).toEqual([...flops].sort((a, b) => a - b));
    for (const { plan } of plans) expect(plan.flops - plan.recomputed).toBe(plans[0]?.plan.flops);
  });

  test('every value is computed before it is read', () => {
    for (const { plan } of plans) {
      const made = new Set<Value>();
      for (const node of plan.nodes) {
        for (const value of node.inputs) if (value?.role === 'temp') expect(made.has(value)).toBe(true);
        for (const value of node.outputs) made.add(value);
      }
    }
  });

  test('nothing runs three times', () => {
    for (const { plan } of plans) {
      const forward = plan.nodes.filter(({ pass }) => pass === 'forward').length;
      expect(again(plan).length).toBeLessThan(forward);
    }
  });
});

test('the policy products recomputes only cheap results', () => {
  const plan = trainPlan(modelShapes['Qwen3-0.6B'], { what: 'products', layers: 0 }, 0.1);
  expect(names(again(plan))).toEqual(['dropout', 'rmsnorm', 'rope', 'swiglu']);
  expect(plan.recomputed).toBeLessThan(0.01 * plan.flops);
  // Without a norm on q and k, the rotated q replaces the unrotated one in memory: recomputing it would save nothing.
  expect(names(again(trainPlan(modelShapes['SmolLM2-135M'], { what: 'products', layers: 0 })))).toEqual(['rmsnorm', 'swiglu']);
});

test('only the policy inputs recomputes attention', () => {
  const config = modelShapes['SmolLM2-135M'];
  expect(names(again(trainPlan(config, { what: 'attention', layers: config.layers })))).not.toContain('attention');
  expect(names(again(trainPlan(config, { what: 'inputs', layers: config.layers })))).toContain('attention');
});

test('the policy attention keeps the input of each layer and the result of its attention', () => {
  const config = modelShapes['SmolLM2-135M'];
  const { hiddenSize, heads, headDim, layers } = config;
  const perLayer = (keep: RematPolicy) => {
    const deep = peakLive(trainPlan(config, keep));
    const shallow = peakLive(trainPlan({ ...config, layers: layers - 10 }, { ...keep, layers: layers - 10 }));
    return (deep - shallow) / 10 / (4 * TOKENS);
  };
  // The rstd of two norms per layer and the lse of attention, one per head, are always kept.
  expect(perLayer({ what: 'inputs', layers })).toBe(hiddenSize + 2 + heads);
  expect(perLayer({ what: 'attention', layers })).toBe(hiddenSize + heads * headDim + 2 + heads);
});

test('layers after the first `layers` keep their products', () => {
  const config = modelShapes['SmolLM2-135M'];
  const plan = trainPlan(config, { what: 'attention', layers: 10 });
  const products = again(plan).filter(({ op }) => op.name === 'matmul');
  expect(new Set(products.map(({ layer }) => layer))).toEqual(new Set(Array.from({ length: 10 }, (_, i) => i)));
});
