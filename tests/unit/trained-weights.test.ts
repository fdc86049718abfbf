/** Weights that cannot be trained: their gradient is an engine bug that is reported by name. */

import { expect, test } from 'vitest';
import { crossentropy } from '../../kernels/crossentropy';
import { distillation } from '../../kernels/distillation';
import { embedding } from '../../kernels/embedding';
import { matmul } from '../../kernels/matmul';
import { rope } from '../../kernels/rope';
import { gradient } from '../../src/graph/gradient';
import { Graph, type Program } from '../../src/graph/graph';
import type { Value } from '../../kernels/op';
import type { DType } from '../../src/core/dtype';

/** The gradient of the sum of the value that `build` computes from the frozen weight [8, 8]. */
function gradientOf(dtype: DType, build: (program: Program, weight: Value) => Value): () => unknown {
  const graph = new Graph();
  const program = graph.program('test');
  const weight = graph.declare('weight', 'frozen', [8, 8], dtype);
  const result = build(program, weight);
  const seeds = new Map([[result, graph.declare('seed', 'input', result.shape)]]);
  return () => gradient(program, seeds, [weight]);
}

const input = ({ graph }: Program, dtype: 'f32' | 'i32', ...shape: number[]) => graph.declare('x', 'input', shape, dtype);

test.each(['f16', 'q8', 'q4'] as const)('the weight of a product in %s', (dtype) => {
  const found = gradientOf(dtype, (program, w) => matmul(program, { a: input(program, 'f32', 2, 8), w }));
  expect(found).toThrow(`internal: matmul: the gradient of w ${dtype}[8, 8] was requested; only f32 weights can be trained`);
});

test('a head in f16', () => {
  const found = gradientOf('f16', (program, head) => {
    const declare = (name: string, dtype: 'f32' | 'i32', ...shape: number[]) =>
      program.graph.declare(name, 'input', shape, dtype);
    const tokens = {
      hidden: declare('hidden', 'f32', 2, 8),
      labels: declare('labels', 'i32', 2),
      weights: declare('weights', 'f32', 2),
    };
    return crossentropy(program, { ...tokens, head, training: false }).nll;
  });
  expect(found).toThrow('internal: crossentropy: the gradient of head f16[8, 8] was requested; only f32 weights can be trained');
});

test('a teacher', () => {
  const found = gradientOf('f32', (program, teacherHead) => {
    const declare = (name: string, dtype: 'f32' | 'i32', ...shape: number[]) =>
      program.graph.declare(name, 'input', shape, dtype);
    const student = { hidden: declare('hidden', 'f32', 2, 4), head: declare('head', 'f32', 8, 4) };
    const tokens = { labels: declare('labels', 'i32', 2), weights: declare('weights', 'f32', 2) };
    const inputs = { ...student, ...tokens, teacherHidden: declare('teacher', 'f32', 2, 8), teacherHead };
    return distillation(program, inputs, { temperature: 2, training: true }).loss;
  });
  expect(found).toThrow('internal: distillation: a gradient of the teacher was requested');
});

test('an embedding table in f16', () => {
  const found = gradientOf('f16', (program, table) => embedding(program, { table, ids: input(program, 'i32', 3) }));
  expect(found).toThrow('internal: embedding: the gradient of table f16[8, 8] was requested; only f32 weights can be trained');
});

test('the tables of rotary embeddings', () => {
  const found = gradientOf('f32', (program, cos) => {
    const declare = (name: string, dtype: 'f32' | 'i32', ...shape: number[]) =>
      program.graph.declare(name, 'input', shape, dtype);
    const tables = { positions: declare('positions', 'i32', 3), cos, sin: declare('sin', 'f32', 8, 8) };
    return rope(program, declare('q', 'f32', 3, 32), declare('k', 'f32', 3, 16), tables, 16).q;
  });
  expect(found).toThrow('internal: rope: a gradient of the tables was requested');
});
