import { describe, expect, test } from 'vitest';
import { bindRange, rowRanges } from '../../kernels/lib/binding-ranges';
import { elementwise } from '../../kernels/lib/elementwise';
import { read, write } from '../../kernels/lib/launch';
import type { Operand } from '../../kernels/op';

const x: Operand = { from: 'input', index: 0, shape: [300], dtype: 'f32' };
const s: Operand = { from: 'input', index: 1, shape: [1], dtype: 'f32' };
const y: Operand = { from: 'output', index: 0, shape: [300], dtype: 'f32' };

describe('rowRanges', () => {
  test('are one range when everything fits', () => expect(rowRanges(1000, 4, 4000)).toEqual([{ first: 0, count: 1000 }]));

  test.each([
    [1000, 4, 3999],
    [65, 4, 256],
    [640, 12, 1000],
    [10_000, 2304, 200_000],
  ])('cover %i rows of %i bytes with a binding limit of %i, aligned', (count, bytes, limit) => {
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

  test('reject a row that exceeds the binding limit', () =>
    expect(() => rowRanges(100, 8, 256)).toThrow(
      /binds at most 256 bytes at once, and a tensor of 100 rows of 8 bytes needs 512/,
    ));

  test('restrict bindings in bytes, of which f16 has half', () => {
    const range = { first: 64, count: 10 };
    expect(bindRange(read(x), range, 8)).toEqual({ ...read(x), range: { offset: 512, size: 80 } });
    expect(bindRange(read({ ...x, dtype: 'f16' }), range, 8).range).toEqual({ offset: 256, size: 40 });
  });

  test('split elementwise launches', () => {
    const target = {
      software: false,
      maxBindingBytes: 512,
      maxWorkgroupBytes: 16384,
      subgroupSize: 4,
      features: new Set<string>(),
    };
    const spec = { label: 'x', source: '', size: 300, elements: [read(x), write(y)], whole: [read(s)] };
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
