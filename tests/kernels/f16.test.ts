/** Activations in f16: every op that supports them reads and writes f16, and is compared with its twin over the same f16 numbers. */

import { beforeAll, describe, expect, test } from 'vitest';
import { f16ToF32 } from '../../src/core/f16';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { ops } from '../../kernels';
import { addOp } from '../../kernels/add';
import type { Op } from '../../kernels/op';
import { scaleOp } from '../../kernels/scale';
import { allCases } from './cases';
import { checkForward, storeF16, testDevice, useCpu, type Case, type OpCases } from './harness';

/** Neighbouring f16 differ by at most this, relative to the larger; sums in another order may round to either of two neighbours. */
const NEIGHBOUR = 2 ** -10;

function f16Cases({ op, cases, f16 = [] }: OpCases): [string, Op, Case][] {
  return f16.map((name) => {
    const found = cases.find((each) => each.name === name);
    if (found === undefined) throw new Error(`${op.name} has no case ${name}`);
    return [`${op.name} ${name}`, op, found];
  });
}

describe('activations in f16', () => {
  beforeAll(useCpu);

  test.each(allCases.flatMap(f16Cases))('%s: kernel equals twin', async (_name, op, example) => {
    for (const deviation of await checkForward(op, { ...example, f16: true })) expect(deviation).toBeLessThanOrEqual(NEIGHBOUR);
  });

  test('have cases for exactly the ops that support them', () => {
    const covered = new Set(allCases.flatMap(({ op, f16 = [] }) => (f16.length > 0 ? [op.name] : [])));
    const supporting = Object.values<Op>(ops).filter((op) => op.f16 !== undefined);
    expect([...covered].sort()).toEqual(supporting.map(({ name }) => name).sort());
  });

  test('a sum with an f32 residual stays f32', () => {
    const graph = new Graph();
    const program = graph.program('sum');
    const declare = (name: string) => graph.declare(name, 'input', [2, 8]);
    program.apply(addOp, { a: declare('a'), b: declare('b') }, {});
    storeF16(graph, program, ['a']);
    expect(program.nodes[0]?.inputs.map((value) => value?.dtype)).toEqual(['f16', 'f32']);
    expect(program.nodes[0]?.outputs.map(({ dtype }) => dtype)).toEqual(['f32']);
  });

  /** Numbers with more than 11 significant bits, at both ends of the range of f16, and outside of it. */
  const numbers = [1.0004, -3.14159, 65504, -65519.9, 65520, -1e6, 6.1e-5, -5.96e-8, 2e-8, Infinity, -Infinity, NaN];

  test('are rounded to a nearest or neighbouring f16, or to infinity outside the range', async () => {
    const device = await testDevice();
    const graph = new Graph();
    const program = graph.program('store');
    const x = graph.declare('x', 'input', [1, numbers.length]);
    const one = graph.declare('one', 'input', [1]);
    program.apply(scaleOp, { x, s: one }, {});
    storeF16(graph, program, []);
    const executor = new WebGpuExecutor(device, { poison: true });
    executor.write(x, Float32Array.from(numbers));
    executor.write(one, Float32Array.of(1));
    const [bits] = await executor.run(await executor.compile(plan(program, program.nodes[0]?.outputs ?? [])));
    executor.dispose();
    const stored = f16ToF32(bits as Uint16Array);
    numbers.forEach((number, i) => {
      const found = stored[i] ?? NaN;
      if (Math.abs(number) < 65520)
        expect(Math.abs(found - number)).toBeLessThanOrEqual(Math.max(Math.abs(number) * NEIGHBOUR, 2 ** -24));
      else expect(Math.abs(found)).toBe(Infinity);
    });
  });
});
