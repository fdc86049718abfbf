/** The layout of quantised matrices, and the levels of NF4 compared with their definition. */

import { describe, expect, test } from 'vitest';
import { storageBytes } from '../../src/core/dtype';
import { NF4, NF4_ZERO, quantisedLayout } from '../../src/core/quantised';

/** The integral of the normal density from 0 to x, by its power series. */
function normalPart(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / (2 * n);
    sum += term / (2 * n + 1);
  }
  return sum / Math.sqrt(2 * Math.PI);
}

/** The quantile p of the standard normal distribution, by bisection. */
function quantile(p: number): number {
  let [low, high] = [-5, 5];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (0.5 + normalPart(middle) < p) low = middle;
    else high = middle;
  }
  return low;
}

const evenly = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

test('NF4 has the quantiles that QLoRA defines', () => {
  // 1 − (1/32 + 1/30)/2: the paper's δ for the outermost quantile on each side.
  const outer = 0.9677083;
  const positive = evenly(outer, 0.5, 9).slice(0, -1).map(quantile);
  const negative = evenly(outer, 0.5, 8)
    .slice(0, -1)
    .map((p) => -quantile(p));
  const levels = [...negative, 0, ...positive].sort((a, b) => a - b).map((level) => level / quantile(outer));
  expect(NF4).toHaveLength(16);
  levels.forEach((level, i) => expect(NF4[i]).toBeCloseTo(level, 5));
  expect(NF4[NF4_ZERO]).toBe(0);
});

describe('quantisedLayout', () => {
  test('q4 uses 4.13 bits a number in large matrices, q8 8.5', () => {
    const bits = (dtype: 'q4' | 'q8') => (8 * storageBytes({ dtype, shape: [4096, 4096] })) / 4096 ** 2;
    expect(bits('q4')).toBeCloseTo(4 + 8 / 64 + 64 / (64 * 256), 4);
    expect(bits('q8')).toBe(8.5);
  });

  test('short last blocks have their own scales, rows are whole words, regions are aligned', () => {
    expect(quantisedLayout('q4', 3, 172)).toEqual({
      ...{ rowBytes: 88, rowBlocks: 3, groups: 1 },
      scales: { offset: 512, size: 64 + 8 + 12 },
      bytes: 512 + 84,
    });
    expect(quantisedLayout('q8', 300, 5)).toEqual({
      ...{ rowBytes: 8, rowBlocks: 1, groups: 2 },
      scales: { offset: 2560, size: 1200 },
      bytes: 3760,
    });
  });
});
