/** The functions of `unary` against PyTorch in f64: the kernel, and the twin on tfjs's cpu backend. */

import { beforeAll, describe, expect, test } from 'vitest';
import { unaryBackwardOp, unaryOp } from '../../kernels/unary';
import { UNARY_KINDS, type UnaryAttrs, type UnaryKind } from '../../kernels/unary_functions';
import { Graph } from '../../src/graph/graph';
import type { Executor } from '../../src/graph/executor';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import reference from '../unit/fixtures/unary-expected.json';
import { testDevice, useCpu } from './harness';

/** The parameters of make_unary.py. */
function attrsOf(kind: UnaryKind): UnaryAttrs {
  if (kind === 'softcap') return { kind, cap: 30 };
  return kind === 'affine' ? { kind, scale: -0.5, shift: 2 } : { kind };
}

/** Relative. WGSL allows errors of 3 + 2|x| ULP in exp(x), which is 2e-5 at the largest x here. The twin's exp is precise. */
const TOLERANCE = { kernel: 2e-5, twin: 2e-6 };
/** PyTorch's f64 gelu has no digits below this. */
const SMALLEST = 1e-13;

async function results(open: (graph: Graph) => Executor, kind: UnaryKind) {
  const graph = new Graph();
  const { x } = reference[kind];
  const [input, dy] = [graph.declare('x', 'input', [x.length]), graph.declare('dy', 'input', [x.length])];
  const program = graph.program('functions');
  const { y } = program.apply(unaryOp, { x: input }, attrsOf(kind));
  const { dx } = program.apply(unaryBackwardOp, { x: input, dy }, attrsOf(kind));
  const executor = open(graph);
  executor.write(input, Float32Array.from(x));
  executor.write(dy, new Float32Array(x.length).fill(1));
  const found = await executor.run(await executor.compile(plan(program, [y, dx])));
  executor.dispose();
  return { y: found[0] ?? [], slope: found[1] ?? [] };
}

describe.each(UNARY_KINDS)('%s', (kind) => {
  beforeAll(useCpu);

  test.each(['kernel', 'twin'] as const)('%s: values and derivatives equal PyTorch', async (engine) => {
    const device = await testDevice();
    const open = { kernel: () => new WebGpuExecutor(device), twin: (graph: Graph) => new TfjsExecutor(graph, 'cpu') };
    const found = await results(open[engine], kind);
    for (const what of ['y', 'slope'] as const) {
      for (const [i, expected] of reference[kind][what].entries()) {
        const allowed = TOLERANCE[engine] * Math.abs(expected) + SMALLEST;
        expect(Math.abs((found[what][i] ?? NaN) - expected), `${what} at ${reference[kind].x[i]}`).toBeLessThanOrEqual(allowed);
      }
    }
  });
});
