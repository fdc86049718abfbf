/** The matrix product of few rows, as in decoding: equal to the twin, and the bits of a row do not depend on the other rows. */

import { expect, test } from 'vitest';
import type { Layout } from '../../kernels/lib/gemm';
import { matmul } from '../../kernels/matmul';
import type { Target } from '../../kernels/op';
import type { DType } from '../../src/core/dtype';
import type { HostArray } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { writeQuantised } from '../../src/graph/write-quantised';
import { isQuantised } from '../../src/core/quantised';
import { fillInput, testDevice } from './harness';
import { testShard } from './suite';
import { BASE, REAL } from './targets';

testShard('few');

const [N, K, R, MOST] = [72, 300, 4, 8];

/** The bits of the rows of a·op(w) + p·op(q) + addend, computed `at` rows at a time. */
async function rowsOf(layout: Layout, dtype: DType, target: Partial<Target>, at: number): Promise<number[]> {
  const device = await testDevice();
  const executor = new WebGpuExecutor({ ...device, target: { ...device.target, ...target } }, { poison: true });
  const graph = new Graph();
  const input = (name: string, width: number) => graph.declare(name, 'input', [at, width]);
  const [a, p, addend] = [input('a', K), input('p', R), input('addend', N)];
  const stored = (depth: number) => (layout === 'nt' ? [N, depth] : [depth, N]);
  const w = graph.declare('w', 'frozen', stored(K), dtype);
  const q = graph.declare('q', 'input', stored(R));
  const weights = fillInput({ shape: stored(K), dtype }, 1);
  if (isQuantised(dtype)) await writeQuantised(executor, graph, w, weights as Float32Array<ArrayBuffer>);
  else executor.write(w, weights);
  executor.write(q, fillInput({ shape: stored(R) }, 2));
  const program = graph.program('rows');
  const y = matmul(program, { a, w, layout, adapter: { p, q, scale: 0.5 }, addend });
  const compiled = await executor.compile(plan(program, [y]));
  const rows: HostArray[] = [];
  for (let first = 0; first < MOST; first += at) {
    [a, p, addend].forEach((value, i) => {
      const [, width = 0] = value.shape;
      executor.write(value, fillInput({ shape: [MOST, width] }, 3 + i).slice(first * width, (first + at) * width));
    });
    rows.push(...(await executor.run(compiled)));
  }
  executor.dispose();
  return rows.flatMap((data) => [...new Uint32Array(data.buffer)]);
}

/** A tile that the tuner may have chosen for one row and not for several. */
const tuned: Partial<Target> = { ...REAL, tiles: (name) => (/ 1x/.test(name) ? 'direct 1x1x64 1x4' : 'direct 8x8x1 4x4') };

test.each([
  ['nt', 'f16', REAL],
  ['nt', 'q4', { ...REAL, ...BASE }],
  ['nn', 'f16', REAL],
  ['nn', 'q4', tuned],
] as const)('%s %s: the bits of a row do not depend on how many rows are computed with it', async (layout, dtype, target) => {
  const alone = await rowsOf(layout, dtype, target, 1);
  expect(new Set(alone).size).toBeGreaterThan(500);
  for (const at of [2, 8]) expect(await rowsOf(layout, dtype, target, at)).toEqual(alone);
});
