/** The op contract: names are checked by the compiler, and records become lists in the declared order. */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test, vi } from 'vitest';
import { addOp } from '../../kernels/add';
import { launchOp, read, write } from '../../kernels/lib/launch';
import { f32Spec } from '../../kernels/lib/rule';
import { defineOp, type Launch } from '../../kernels/op';
import { gradient } from '../../src/graph/gradient';
import { Graph } from '../../src/graph/graph';
import { asUse, makeNode } from '../../src/graph/node';

const noLaunch = (): Launch => ({ scratch: [], dispatches: [] });
const rules = { cost: () => ({ flops: 0, bytes: 0 }), launch: noLaunch };

/** What the gradient rule of `exampleOp` was last called with. */
let called: { readonly cotangents: object; readonly wanted: object } | undefined;

/** y = x + bias, and optionally the sum of x. */
const exampleOp = defineOp<{ readonly withTotal: boolean }>()({
  ...rules,
  name: 'example',
  inputs: ['x', 'bias?'],
  outputs: ['y', 'total?'],
  infer: ({ x }, { withTotal }) => ({ y: x, total: withTotal ? f32Spec([1]) : null }),
  gradient: (_builder, _use, cotangents, wanted) => {
    called = { cotangents, wanted };
    return { x: wanted.x ? cotangents.y : null, bias: wanted.bias ? cotangents.y : null };
  },
  twin: ({ x, bias }, { withTotal }) => ({ y: bias ? tf.add(x, bias) : x, total: withTotal ? tf.sum(x) : null }),
});

/** Wrong definitions and uses: each directive fails the type check when the compiler accepts the line after it. */
export function rejectedByCompiler(graph: Graph): void {
  const program = graph.program('rejected');
  const x = graph.declare('x', 'input', [4]);
  // @ts-expect-error: `bias` is missing; an absent optional input is null
  program.apply(exampleOp, { x }, { withTotal: false });
  // @ts-expect-error: a required input is null
  program.apply(exampleOp, { x: null, bias: null }, { withTotal: false });
  // @ts-expect-error: the op has no input `biass`
  program.apply(exampleOp, { x, biass: null }, { withTotal: false });
  // @ts-expect-error: the attribute is missing
  program.apply(exampleOp, { x, bias: null }, {});
  // @ts-expect-error: the op has no output `z`
  expect(program.apply(exampleOp, { x, bias: null }, { withTotal: false }).z).toBeUndefined();
  const op = { ...rules, name: 'wrong', inputs: ['x', 'w?'], outputs: ['y'], gradient: null } as const;
  const twin = ({ x: y }: { readonly x: tf.Tensor }) => ({ y });
  // @ts-expect-error: misspelt input
  defineOp()({ ...op, twin, infer: ({ x, xx }) => (xx === null ? { y: x } : { y: x }) });
  // @ts-expect-error: misspelt output
  defineOp()({ ...op, twin, infer: ({ x: y }) => ({ yy: y }) });
  // @ts-expect-error: the optional input may be null
  defineOp()({ ...op, twin, infer: ({ w }) => ({ y: w }) });
  // @ts-expect-error: the twin is missing
  defineOp()({ ...op, infer: ({ x: y }) => ({ y }) });
  // @ts-expect-error: no cotangent for `w`
  defineOp()({ ...op, twin, infer: ({ x: y }) => ({ y }), gradient: (_builder, _use, { y: dy }) => ({ x: dy }) });
  // @ts-expect-error: `x` is not an output, so it cannot be updated
  defineOp()({ ...op, twin, infer: ({ x: y }) => ({ y }), updates: ['x'] });
  // @ts-expect-error: no activation is called `z`
  defineOp()({ ...op, twin, infer: ({ x: y }) => ({ y }), f16: () => ({ inputs: ['z'], outputs: [] }) });
}

function inputs() {
  const graph = new Graph();
  const program = graph.program('test');
  return { graph, program, x: graph.declare('x', 'input', [4]), bias: graph.declare('bias', 'input', [4]) };
}

describe('nodes', () => {
  test('list inputs and outputs in the declared order', () => {
    const { program, x, bias } = inputs();
    const { y, total } = program.apply(exampleOp, { bias, x }, { withTotal: true });
    expect(program.nodes[0]?.inputs).toEqual([x, bias]);
    expect(program.nodes[0]?.outputs).toEqual([y, total]);
  });

  test('have null for an absent input, and leave out an absent output', () => {
    const { program, x } = inputs();
    const { y, total } = program.apply(exampleOp, { x, bias: null }, { withTotal: false });
    expect(total).toBeNull();
    expect(program.nodes[0]?.inputs).toEqual([x, null]);
    expect(program.nodes[0]?.outputs).toEqual([y]);
  });

  test('are read as a use of their own op only, and written back unchanged', () => {
    const { program, x, bias } = inputs();
    program.apply(exampleOp, { x, bias }, { withTotal: false });
    const [node] = program.nodes;
    if (node === undefined) throw new Error('no node');
    const use = asUse(node, exampleOp);
    expect(use?.inputs).toEqual({ x, bias });
    expect(asUse(node, addOp)).toBeNull();
    if (use !== null) expect(makeNode(node, exampleOp, use)).toEqual(node);
  });

  test('report an output that is left out before another', () => {
    const { program, x } = inputs();
    const gap = defineOp()({
      ...rules,
      name: 'gap',
      inputs: ['x'],
      outputs: ['a?', 'b'],
      infer: ({ x: b }) => ({ a: null, b }),
      gradient: null,
      twin: ({ x: b }) => ({ a: null, b }),
    });
    expect(() => program.apply(gap, { x }, {})).toThrow('internal: gap left out one of its outputs a, b');
  });
});

test('a gradient rule gets the cotangents and the wanted inputs by name', () => {
  const { graph, program, x, bias } = inputs();
  const { y } = program.apply(exampleOp, { x, bias }, { withTotal: true });
  const seed = graph.declare('seed', 'input', [4]);
  const found = gradient(program, new Map([[y, seed]]), [bias]);
  expect(called).toEqual({ cotangents: { y: seed, total: null }, wanted: { x: false, bias: true } });
  expect([found.get(bias), found.get(x)]).toEqual([seed, undefined]);
});

test('a launch gets operands, whose bindings have the declared position', () => {
  const launch = vi.fn(noLaunch);
  const op = defineOp<{ readonly withTotal: boolean }>()({
    ...exampleOp,
    inputs: ['x', 'bias?'],
    outputs: ['y', 'total?'],
    launch,
  });
  const target = { software: true, maxBindingBytes: 1, maxWorkgroupBytes: 1, subgroupSize: 1, features: new Set<string>() };
  const f16 = { shape: [4], dtype: 'f16' } as const;
  launchOp(
    op,
    { inputs: { x: f32Spec([4]), bias: f16 }, outputs: { y: f32Spec([4]), total: null } },
    { withTotal: false },
    target,
  );
  const x = { ...f32Spec([4]), from: 'input', index: 0 } as const;
  const bias = { ...f16, from: 'input', index: 1 } as const;
  const y = { ...f32Spec([4]), from: 'output', index: 0 } as const;
  expect(launch).toHaveBeenCalledWith({ inputs: { x, bias }, outputs: { y, total: null } }, { withTotal: false }, target);
  expect(read(bias)).toEqual({ from: 'input', index: 1, access: 'read', f16: true });
  expect(write(y)).toEqual({ from: 'output', index: 0, access: 'write', f16: false });
});
