/** Loss scaling end to end, on kernels and on twins: it does not change the bytes of the update, and an overflow skips one step. */

import { beforeEach, describe, expect, test } from 'vitest';
import { uniform } from '../../src/core/random';
import type { Executor } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { declareParameters } from '../../src/method/parameters';
import { hyperAt, updateWith } from '../../src/optim/adamw';
import { parseRecipe } from '../../src/recipe/recipe';
import { FIRST_SCALE, GROWTH_INTERVAL } from '../../kernels/lossscale';
import type { Value } from '../../kernels/op';
import { testDevice, useCpu } from './harness';

const SIZE = 1001;
const recipe = parseRecipe({ learningRate: 0.1, weightDecay: 0.01, maxGradNorm: 1 });

const executors: Record<string, (graph: Graph) => Promise<Executor>> = {
  kernels: async () => new WebGpuExecutor(await testDevice(), { poison: true }),
  twins: (graph) => Promise.resolve(new TfjsExecutor(graph, 'cpu')),
};

/** An update of `SIZE` parameters, and its state. */
async function open(make: (graph: Graph) => Promise<Executor>, scaled: boolean) {
  const graph = new Graph();
  const parameters = declareParameters(graph, 'parameters', [{ name: 'all', shape: [SIZE], init: { kind: 'zeros' } }]);
  const gradients = graph.declareFlat('gradients', 'state', parameters.all);
  const scaling = { scale: graph.declare('scale', 'state', [1]), good: graph.declare('good', 'state', [1]) };
  const program = graph.program('update');
  const { m, v, hyper, norm, scaleUsed } = updateWith(program, 'run', parameters, gradients, scaled ? scaling : null);
  const executor = await make(graph);
  const compiled = await executor.compile(plan(program, [norm, ...(scaleUsed === null ? [] : [scaleUsed])]));
  executor.write(parameters.flat, padded(gradientAt(-1)));
  executor.write(scaling.scale, Float32Array.of(FIRST_SCALE));
  const bits = async (value: Value) => [...new Uint32Array((await executor.read(value)).buffer)];
  return {
    executor,
    scaling,
    /** Runs update `step` and returns its outputs. */
    step: async (step: number, gradient: Float32Array<ArrayBuffer>) => {
      executor.write(gradients.flat, padded(gradient));
      executor.write(hyper, hyperAt(recipe, parameters.groups, step, recipe.learningRate));
      return (await executor.run(compiled)).map(([value = NaN]) => value);
    },
    left: () => bits(gradients.flat),
    state: async () => [await bits(parameters.flat), await bits(m), await bits(v)],
    scale: async () => [(await executor.read(scaling.scale))[0], (await executor.read(scaling.good))[0]],
  };
}

/** `data` with zeros up to a multiple of 64 elements, the size of a flat value. */
function padded(data: Float32Array): Float32Array<ArrayBuffer> {
  const all = new Float32Array(Math.ceil(SIZE / 64) * 64);
  all.set(data);
  return all;
}

/** Numbers of all magnitudes from 2⁻³⁰ to 1 and both signs; the norms are on both sides of the limit. */
function gradientAt(step: number, scale = 1): Float32Array<ArrayBuffer> {
  const size = step % 2 === 0 ? 1 : 1e-3;
  return Float32Array.from({ length: SIZE }, (_, i) => {
    const sign = uniform(7, step + 1, 0, i) < 0.5 ? -1 : 1;
    return scale * Math.fround(size * sign * 2 ** (-30 * uniform(7, step + 1, 1, i)));
  });
}

const zeros = new Array<number>(Math.ceil(SIZE / 64) * 64).fill(0);

beforeEach(useCpu);

describe.each(Object.entries(executors))('loss scaling on %s', (_name, make) => {
  test('gives the same bytes as an update without a scale', async () => {
    const [plain, scaled] = [await open(make, false), await open(make, true)];
    const before = await plain.state();
    for (let step = 0; step < 6; step++) {
      const [norm] = await plain.step(step, gradientAt(step));
      expect(await scaled.step(step, gradientAt(step, FIRST_SCALE))).toEqual([norm, FIRST_SCALE]);
    }
    const after = await plain.state();
    expect(after).not.toEqual(before);
    expect(await scaled.state()).toEqual(after);
    expect(await scaled.scale()).toEqual([FIRST_SCALE, 6]);
    for (const { executor } of [plain, scaled]) executor.dispose();
  });

  test.each([NaN, Infinity, -Infinity])('is halved by a gradient with %d, which changes nothing else', async (bad) => {
    const { executor, step, state, left, scale } = await open(make, true);
    await step(0, gradientAt(0, FIRST_SCALE));
    const before = await state();
    const overflown = gradientAt(1, FIRST_SCALE);
    overflown[SIZE - 2] = bad;
    const [norm, used] = await step(1, overflown);
    expect(Number.isFinite(norm)).toBe(false);
    expect(used).toBe(FIRST_SCALE);
    expect(await state()).toEqual(before);
    expect(await left()).toEqual(zeros);
    expect(await scale()).toEqual([FIRST_SCALE / 2, 0]);
    const [next, halved] = await step(2, gradientAt(2, FIRST_SCALE / 2));
    expect([Number.isFinite(next), halved]).toEqual([true, FIRST_SCALE / 2]);
    expect(await state()).not.toEqual(before);
    expect(await scale()).toEqual([FIRST_SCALE / 2, 1]);
    executor.dispose();
  });

  test('is doubled after GROWTH_INTERVAL good steps in a row', async () => {
    const { executor, scaling, step, scale } = await open(make, true);
    executor.write(scaling.good, Float32Array.of(GROWTH_INTERVAL - 2));
    expect((await step(0, gradientAt(0, FIRST_SCALE)))[1]).toBe(FIRST_SCALE);
    expect(await scale()).toEqual([FIRST_SCALE, GROWTH_INTERVAL - 1]);
    expect((await step(1, gradientAt(1, FIRST_SCALE)))[1]).toBe(FIRST_SCALE);
    expect(await scale()).toEqual([2 * FIRST_SCALE, 0]);
    executor.dispose();
  });
});
