/** A plan that can't be compiled for the processor leaves nothing in its memory. */

import { expect, test, vi } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { ProcessorKernels } from '../../src/graph/processor';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { matmul } from '../../kernels/matmul';

test.each([1, 2, 3, 5])('when the memory ends at request %d', async (last) => {
  const kernels = await ProcessorKernels.open('simd');
  const executor = new ProcessorExecutor(kernels);
  const graph = new Graph();
  const [a, w] = [graph.declare('a', 'input', [20, 30]), graph.declare('w', 'frozen', [40, 30])];
  executor.write(a, new Float32Array(600).fill(1));
  executor.write(w, new Float32Array(1200).fill(2));
  const program = graph.program('product');
  const y = matmul(program, { a, w });
  const before = kernels.heap.used;
  const take = kernels.heap.take.bind(kernels.heap);
  let requests = 0;
  const limited = vi.spyOn(kernels.heap, 'take').mockImplementation((bytes) => {
    if (++requests === last) throw new CodedError('gpu/memory', 'no more');
    return take(bytes);
  });
  await expect(executor.compile(plan(program, [y]))).rejects.toThrow('no more');
  expect(kernels.heap.used).toBe(before);
  limited.mockRestore();
  const [result] = await executor.run(await executor.compile(plan(program, [y])));
  expect(result).toEqual(new Float32Array(800).fill(60));
});
