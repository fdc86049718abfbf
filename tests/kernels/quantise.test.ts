/** Quantised weights: the kernel against the twin, and what the kernel stores against the layout and an f64 nearest-level search. */
import { beforeAll, describe, expect, test } from 'vitest';
import { NF4, quantisedLayout, type QuantisedType } from '../../src/core/quantised';
import { Graph } from '../../src/graph/graph';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { writeQuantised } from '../../src/graph/write-quantised';
import { fillInput, testDevice, useCpu } from './harness';
import { quantisedNumbers } from './quantised';
import { testShard } from './suite';

testShard('quantise');

const shape = [90, 500] as const;
const numbers = Float32Array.from(fillInput({ shape, fill: 0.02 }, 3));

async function stored(dtype: QuantisedType): Promise<ArrayBuffer> {
  const graph = new Graph();
  const target = graph.declare('w', 'frozen', shape, dtype);
  const executor = new WebGpuExecutor(await testDevice());
  await writeQuantised(executor, graph, target, numbers);
  const held = executor.bytes();
  const { buffer } = await executor.read(target);
  expect(buffer.byteLength).toBe(quantisedLayout(dtype, ...shape).bytes);
  // Only the codes and scales stay on the device.
  expect(held).toBeLessThan(buffer.byteLength + 64);
  executor.dispose();
  return buffer;
}

/** The largest magnitude in the block of 64 of number `i`. */
const largest = (i: number): number => {
  const first = i - ((i % shape[1]) % 64);
  const count = Math.min(64, shape[1] - (first % shape[1]));
  return Math.max(...numbers.subarray(first, first + count).map(Math.abs));
};

describe('the stored codes and scales', () => {
  beforeAll(useCpu);

  test('q4: the nearest of the 16 levels, with a scale that covers the block', async () => {
    const found = quantisedNumbers(await stored('q4'), 'q4', shape);
    const spread = Math.max(...found.map(({ scale }) => scale)) - Math.min(...found.map(({ scale }) => scale));
    let squares = 0;
    found.forEach(({ value, scale }, i) => {
      const x = numbers[i] ?? 0;
      const off = Math.abs(value - x);
      const best = Math.min(...NF4.map((level) => Math.abs(level * scale - x)));
      expect(off).toBeLessThanOrEqual(best + 1e-9);
      expect(scale).toBeGreaterThanOrEqual(largest(i));
      expect(scale - largest(i)).toBeLessThanOrEqual(spread / 254);
      squares += off * off;
    });
    // For normal numbers in blocks of 64, the error of 4-bit NormalFloat is about 9.3 % of the standard deviation (f64, 10⁶ samples).
    expect(Math.sqrt(squares / found.length) / 0.02).toBeGreaterThan(0.085);
    expect(Math.sqrt(squares / found.length) / 0.02).toBeLessThan(0.1);
  });

  test('q8: the nearest integer to 127·x/largest', async () => {
    const found = quantisedNumbers(await stored('q8'), 'q8', shape);
    found.forEach(({ code, scale }, i) => {
      expect(scale).toBeCloseTo(largest(i) / 127, 9);
      expect(Math.abs(code)).toBeLessThanOrEqual(127);
      expect(Math.abs(code - (numbers[i] ?? 0) / scale)).toBeLessThanOrEqual(0.5 + 1e-5);
    });
  });
});
