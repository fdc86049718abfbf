/** The start-up check of the kernels for the processor: a build that fails it is not used, and the page says so. */

import { afterEach, expect, test } from 'vitest';
import { openEngine, type Engine } from '../../src/train/engine';

let engine: Engine | undefined;
afterEach(() => engine?.close());

test.each([
  { faulty: [], executor: 'wasm', adapter: /^Processor, \d+ threads, relaxed SIMD$/, notes: [] },
  { faulty: ['threads'], executor: 'wasm', adapter: /^Processor, 1 thread, relaxed SIMD$/, notes: ['threads'] },
  {
    faulty: ['threads', 'relaxed'],
    executor: 'wasm',
    adapter: /^Processor, 1 thread, SIMD$/,
    notes: ['threads', 'relaxed SIMD'],
  },
  { faulty: ['threads', 'relaxed', 'simd'], executor: 'tfjs-wasm', adapter: /^Processor, by TensorFlow\.js$/, notes: [] },
])('without $faulty training runs on $executor', async ({ faulty, executor, adapter, notes }) => {
  engine = await openEngine('wasm', { faulty });
  const { view } = engine;
  expect([view.executor, view.adapter]).toEqual([executor, expect.stringMatching(adapter)]);
  expect(view.notes).toEqual(
    notes.map((name) => expect.stringMatching(new RegExp(`^Kernels with ${name} are switched off: `)) as string),
  );
  if (executor === 'tfjs-wasm') expect(view.reason).toMatch(/This browser fails our kernels for the processor\.$/);
});
