/**
 * The kernels for the processor: each build gives what the twins give, and any number of threads gives the same bytes. In Node, which
 * has no relaxed SIMD, the plain build alone.
 */

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { HostArray } from '../../src/graph/executor';
import { ProcessorKernels, usableBuilds, type BuildName } from '../../src/graph/processor';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { allCases, cases } from './cases';
import { compareForward, computeOn, gradientDeviation, isSmall, useCpu, type Case, type OpCases } from './harness';

/** Neighbouring f16 differ by at most this, relative to the larger; sums in another order may round to either of two neighbours. */
const NEIGHBOUR = 2 ** -10;

const inBrowser = typeof document !== 'undefined';
const BUILDS: readonly (readonly [BuildName, threads: number])[] = inBrowser
  ? [
      ['simd', 1],
      ['relaxed', 1],
      ['threads', 1],
      ['threads', 2],
      ['threads', 3],
    ]
  : [['simd', 1]];

const opened: ProcessorKernels[] = [];
const compute = () => opened.map((kernels) => computeOn(() => new ProcessorExecutor(kernels)));

beforeAll(async () => {
  await useCpu();
  for (const [build, threads] of BUILDS) opened.push(await ProcessorKernels.open(build, threads));
  expect(opened.map(({ threads }) => threads)).toEqual(BUILDS.map(([, threads]) => threads));
});
afterAll(() => opened.forEach((kernels) => kernels.close()));

test.runIf(inBrowser)('this browser can run the build with threads first', async () => {
  const [first] = await usableBuilds();
  expect(first).toEqual({ build: 'threads', threads: Math.min(16, navigator.hardwareConcurrency) });
});

test.runIf(inBrowser)('threads that the browser ended are done without', async () => {
  const workers: Worker[] = [];
  const Original = Worker;
  vi.stubGlobal(
    'Worker',
    class extends Original {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        workers.push(this);
      }
    },
  );
  const kernels = await ProcessorKernels.open('threads', 3);
  vi.unstubAllGlobals();
  expect(workers.length).toBe(2);
  const [suite] = cases.matmul;
  const example = suite.cases.find(({ name }) => name.includes('131x190x258')) ?? suite.cases[0];
  if (example === undefined) throw new Error('matmul has no case');
  const own = computeOn(() => new ProcessorExecutor(kernels));
  const [before] = await compareForward(suite.op, example, [own]);
  for (const worker of workers) worker.terminate();
  const [after] = await compareForward(suite.op, example, [own]);
  expect(after?.outputs).toEqual(before?.outputs);
  kernels.close();
});

const bytesOf = (outputs: readonly HostArray[]) => outputs.map(({ buffer }) => [...new Uint8Array(buffer)].join());

async function check({ op, tolerance = 1e-5, gradient }: OpCases, example: Case): Promise<void> {
  const before = opened.map(({ heap }) => heap.used);
  const reports = await compareForward(op, example, compute());
  for (const { deviations } of reports) for (const deviation of deviations) expect(deviation).toBeLessThanOrEqual(tolerance);
  const [first, ...others] = reports.slice(2).map(({ outputs }) => bytesOf(outputs));
  for (const other of others) expect(other).toEqual(first);
  if (gradient !== undefined && isSmall(example))
    for (const kernels of compute())
      expect(await gradientDeviation(op, example, gradient, kernels)).toBeLessThanOrEqual(tolerance);
  expect(opened.map(({ heap }) => heap.used)).toEqual(before);
}

for (const suite of allCases)
  describe(suite.op.name, () => {
    test.each(suite.cases)('$name', (example) => check(suite, example));
  });

for (const suite of allCases.filter(({ f16 = [] }) => f16.length > 0))
  describe(`${suite.op.name} with activations in f16`, () => {
    const chosen = suite.cases.filter(({ name }) => suite.f16?.includes(name));
    test.each(chosen)('$name', async (example) => {
      const reports = await compareForward(suite.op, { ...example, f16: true }, compute());
      for (const { deviations } of reports) for (const deviation of deviations) expect(deviation).toBeLessThanOrEqual(NEIGHBOUR);
    });
  });
