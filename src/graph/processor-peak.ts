/** The peak f32 arithmetic rate of the processor's threads together: multiply-adds per second. */

import { RECORD_WORDS, type ProcessorKernels } from './processor';

/** Rounds of a unit, and operations of a round; see peak.wasm.ts. */
const ROUNDS = 50_000;
const ROUND_FLOPS = 12 * 4 * 2;
const UNITS = 16;
/** Threads that slept may share a core at first: there are so many samples that the system has spread them before the last one. */
const SAMPLES = 40;

/** f32 operations per second of the best of some samples, a millisecond or two each; a multiply-add counts as two. */
export function measureProcessor(kernels: ProcessorKernels): number {
  const { heap, threads } = kernels;
  const units = UNITS * threads;
  const at = heap.take(4 * (RECORD_WORDS + 3 + 2 + threads));
  const [args, numbers, sink] = [at + 4 * RECORD_WORDS, at + 4 * (RECORD_WORDS + 3), at + 4 * (RECORD_WORDS + 5)];
  const words = new Int32Array(heap.memory.buffer);
  words.set([kernels.indexOf('multiply_adds'), args, units, 0, 0, 0, numbers, sink, ROUNDS], at / 4);
  new Float32Array(heap.memory.buffer).set([0.5, 0.25], numbers / 4);
  const rates = Array.from({ length: SAMPLES }, () => {
    const started = performance.now();
    kernels.run(at, 1);
    return (units * ROUNDS * ROUND_FLOPS) / ((performance.now() - started) / 1000);
  });
  heap.free(at);
  return Math.max(...rates);
}
