import { describe, expect, test } from 'vitest';
import { bindRange, rowRanges } from '../../kernels/lib/binding-ranges';
import { elementwise } from '../../kernels/lib/elementwise';
import { readInput, writeOutput } from '../../kernels/lib/launch';

describe('rowRanges', () => {
  test('are one when all fits', () => expect(rowRanges(1000, 4, 4000)).toEqual([{ first: 0, count: 1000 }]));

  test.each([
    [1000, 4, 3999],
    [65, 4, 256],
    [640, 12, 1000],
    [10_000, 2304, 200_000],
  ])('cover %i items of %i bytes in bindings of %i, aligned', (count, bytes, limit) => {
    const parts = rowRanges(count, bytes, limit);
    expect(parts.length).toBeGreaterThan(1);
    let next = 0;
    for (const part of parts) {
      expect(part.first).toBe(next);
      expect((part.first * 4) % 256).toBe(0);
      expect(part.count * bytes).toBeLessThanOrEqual(limit);
      next += part.count;
    }
    expect(next).toBe(count);
  });

  test('refuse an item that fits nowhere', () =>
    expect(() => rowRanges(100, 8, 256)).toThrow(
      /binds at most 256 bytes at once, and a tensor of 100 rows of 8 bytes needs 512/,
    ));

  test('slice bindings in bytes', () => {
    expect(bindRange(readInput(3), { first: 64, count: 10 }, 8)).toEqual({
      ...readInput(3),
      range: { offset: 512, size: 80 },
    });
  });

  test('cut elementwise launches', () => {
    const target = {
      software: false,
      maxBindingBytes: 512,
      maxWorkgroupBytes: 16384,
      subgroupSize: 4,
      features: new Set<string>(),
    };
    const spec = { label: 'x', source: '', size: 300, elements: [readInput(0), writeOutput(0)], whole: [readInput(1)] };
    const { dispatches } = elementwise(spec, target);
    expect(dispatches.map(({ bindings }) => bindings.map(({ range }) => range?.offset))).toEqual([
      [0, 0, undefined],
      [512, 512, undefined],
      [1024, 1024, undefined],
    ]);
    expect(dispatches[2]?.shader.code).toContain('const FIRST = 256u;');
    expect(dispatches[2]?.shader.code).toContain('const COUNT = 11u;');
  });
});
