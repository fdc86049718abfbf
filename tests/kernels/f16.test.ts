/** Activations in f16: every op that takes them, read and written as halves, against its twin over the same halves. */

import { beforeAll, describe, expect, test } from 'vitest';
import { f16ToF32 } from '../../src/core/f16';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { ops, type OpName } from '../../kernels';
import { addOp } from '../../kernels/add';
import type { Op } from '../../kernels/op';
import { scaleOp } from '../../kernels/scale';
import { addCases } from './cases/add';
import { attentionBackwardCases, attentionCases } from './cases/attention';
import { crossentropyCases } from './cases/crossentropy';
import { dropoutCases } from './cases/dropout';
import { lowrankCases, lowrankSumCases } from './cases/lowrank';
import { matmulCases, matmulFewCases, matmulQuantisedCases, matmulTileCases } from './cases/matmul';
import { rmsnormBackwardCases, rmsnormCases } from './cases/rmsnorm';
import { ropeCases } from './cases/rope';
import { scaleCases } from './cases/scale';
import { swigluBackwardCases, swigluCases } from './cases/swiglu';
import { checkForward, storeF16, testDevice, useCpu, type Case, type OpCases } from './harness';

/** Two halves next to each other differ by at most this, relative to the larger; sums in another order may round to either. */
const NEXT = 2 ** -10;

/** Shapes whole and not whole in groups of four, in one binding and in parts; every tile that reads or writes activations. */
const picked: readonly (readonly [OpCases, readonly string[]])[] = [
  [addCases, ['[17,64]', '[128,96]']],
  [scaleCases, ['[17,64]']],
  [dropoutCases, ['[33,96] rate 0.9', '[1000] rate 0.05']],
  [swigluCases, ['[33,100]', '[1000] in 1 KiB bindings']],
  [swigluBackwardCases, ['[33,100]', '[1000] in 1 KiB bindings']],
  [ropeCases, ['17x3+1x64', '300x9+3x64', '300x9+3x64 inverse', '4x2+1x10', '3x2x24 inverse']],
  [rmsnormCases, ['17x1x96', '3x5x64', '50x3x8', '2x4x128']],
  [rmsnormBackwardCases, ['17x1x96', '3x5x64', '50x3x8']],
  [lowrankCases, ['nt 16x576x64', 'nn 16x576x64', 'nn 576x16x130', 'tn 16x576x64', 'tn 16x24x300 in parts']],
  [lowrankSumCases, ['16x576x64', '16x24x512, cut otherwise']],
  [matmulCases, ['nt 64x64x64 +8 bias', 'nn 65x68x36 +4 addend f16', 'nn 13x51x96 +3']],
  [
    matmulCases,
    ['nt 150x96x32 +16 addend f16 in blocks', 'nn 96x64x2048 bias in blocks', 'nt 200x20x24 +4 bias addend in blocks'],
  ],
  [matmulTileCases, ['nn 4x576x1536 +16 f16', 'nt 128x576x192 +16 f16', 'nt 70x96x700 +4 bias addend']],
  [matmulFewCases, ['nt 1x576x576 +16 addend f16', 'nt 3x64x1536 +16 q4']],
  [matmulQuantisedCases, ['nt 65x68x100 +4 addend q4', 'nn 1x200x132 +8 bias addend q4']],
  [crossentropyCases, ['16x12x64 f16 training', '129x24x300 training in blocks']],
];

const attentionNames = (suite: OpCases) => suite.cases.filter((_, i) => i % 10 === 1 || i % 10 === 8).map(({ name }) => name);

const chosen = [
  ...picked,
  [attentionCases, attentionNames(attentionCases)],
  [attentionBackwardCases, attentionNames(attentionBackwardCases)],
] as const;

function casesOf([{ op, cases }, names]: readonly [OpCases, readonly string[]]): [string, Op, Case][] {
  return names.map((name) => {
    const found = cases.find((each) => each.name === name);
    if (found === undefined) throw new Error(`${op.name} has no case ${name}`);
    return [`${op.name} ${name}`, op, found];
  });
}

describe('activations in f16', () => {
  beforeAll(useCpu);

  test.each(chosen.flatMap(casesOf))('%s: kernel equals twin', async (_name, op, example) => {
    for (const off of await checkForward(op, { ...example, f16: true })) expect(off).toBeLessThanOrEqual(NEXT);
  });

  test('have cases for every op that takes them', () => {
    const covered = new Set(chosen.map(([{ op }]) => op.name));
    for (const name of Object.keys(ops) as OpName[]) expect(covered.has(name)).toBe((ops[name] as Op).f16 !== undefined);
  });

  test('a sum with a residual stays in f32', () => {
    const graph = new Graph();
    const program = graph.program('sum');
    const [a, b] = ['a', 'b'].map((name) => graph.declare(name, 'input', [2, 8]));
    program.apply(addOp, [a ?? null, b ?? null], {});
    storeF16(graph, program, [0]);
    expect(program.nodes[0]?.inputs.map((value) => value?.dtype)).toEqual(['f16', 'f32']);
    expect(program.nodes[0]?.outputs.map(({ dtype }) => dtype)).toEqual(['f32']);
  });

  /** Numbers with more than 11 bits, at both ends of the halves, and past them. */
  const numbers = [1.0004, -3.14159, 65504, -65519.9, 65520, -1e6, 6.1e-5, -5.96e-8, 2e-8, Infinity, -Infinity, NaN];

  test('are the nearest half or its neighbour; what is none is infinite', async () => {
    const device = await testDevice();
    const graph = new Graph();
    const program = graph.program('store');
    const x = graph.declare('x', 'input', [numbers.length]);
    const one = graph.declare('one', 'input', [1]);
    program.apply(scaleOp, [x, one], {});
    storeF16(graph, program, []);
    const executor = new WebGpuExecutor(device, { poison: true });
    executor.write(x, Float32Array.from(numbers));
    executor.write(one, Float32Array.of(1));
    const [bits] = await executor.run(await executor.compile(plan(program, program.nodes[0]?.outputs ?? [])));
    executor.dispose();
    const stored = f16ToF32(bits as Uint16Array);
    numbers.forEach((number, i) => {
      const half = stored[i] ?? NaN;
      if (Math.abs(number) < 65520)
        expect(Math.abs(half - number)).toBeLessThanOrEqual(Math.max(Math.abs(number) * NEXT, 2 ** -24));
      else expect(Math.abs(half)).toBe(Infinity);
    });
  });
});
