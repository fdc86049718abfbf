/** The matrix product of few rows, as in decoding: equal to the twin, and the bits of a row do not depend on the other rows. */

import { expect, test } from 'vitest';
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

/** The bits of the rows of a·wᵀ + p·qᵀ + addend, computed `at` rows at a time. */
async function rowsOf(dtype: DType, target: Partial<Target>, at: number): Promise<number[]> {
  const device = await testDevice();
  const executor = new WebGpuExecutor({ ...device, target: { ...device.target, ...target } }, { poison: true });
  const graph = new Graph();
  const input = (name: string, width: number) => graph.declare(name, 'input', [at, width]);
  const [a, p, addend] = [input('a', K), input('p', R), input('addend', N)];
  const w = graph.declare('w', 'frozen', [N, K], dtype);
  const q = graph.declare('q', 'input', [N, R]);
  const weights = fillInput({ shape: [N, K], dtype }, 1);
  if (isQuantised(dtype)) await writeQuantised(executor, graph, w, weights as Float32Array<ArrayBuffer>);
  else executor.write(w, weights);
  executor.write(q, fillInput({ shape: [N, R] }, 2));
  const program = graph.program('rows');
  const compiled = await executor.compile(plan(program, [matmul(program, { a, w, adapter: { p, q, scale: 0.5 }, addend })]));
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

test.each([
  ['f16', REAL],
  ['q4', { ...REAL, ...BASE }],
] as const)('%s: the bits of a row do not depend on how many rows are computed with it', async (dtype, target) => {
  const alone = await rowsOf(dtype, target, 1);
  expect(new Set(alone).size).toBeGreaterThan(500);
  for (const at of [2, 8]) expect(await rowsOf(dtype, target, at)).toEqual(alone);
});
