/** f16: all 65,536 values, and rounding at every midpoint between neighbours. */

import { describe, expect, it } from 'vitest';
import { bf16ToF16, bf16ToF32, f16ToF32, f32ToF16 } from '../../src/core/f16';

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
const isNaN16 = (half: number) => (half & 0x7fff) > 0x7c00;
/** The values that violate a rule, collected because 65,536 calls of `expect` take seconds. */
const not = (rule: (bits: number) => boolean) => [...all].filter((bits) => !rule(bits));
const one = (value: number) => f32ToF16(Float32Array.of(value))[0];

describe('f16', () => {
  it('decodes known values', () => {
    const halves = Uint16Array.of(0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555, 0x7c00, 0xfc00, 0x7e00);
    const expected = [0, -0, 1, -2, 65504, 2 ** -24, 2 ** -14, 0.333251953125, Infinity, -Infinity, NaN];
    expect([...f16ToF32(halves)]).toEqual(expected);
  });

  it('encodes every decoded value to the same bits', () => {
    const back = f32ToF16(f16ToF32(all));
    const same = (half: number) => (isNaN16(half) ? isNaN16(back[half] ?? 0) : back[half] === half);
    expect(not(same)).toEqual([]);
  });

  it('rounds to nearest, ties to even, between every pair of neighbours', () => {
    const values = f16ToF32(all);
    const rounds = (half: number) => {
      if (half >= 0x7bff) return true;
      const low = values[half] ?? 0;
      const high = values[half + 1] ?? 0;
      const middle = (low + high) / 2; // exact in f32: one more bit than f16 has
      const even = half % 2 === 0 ? half : half + 1;
      const step = (high - low) / 512;
      const found = [one(middle), one(middle - step), one(middle + step), one(-middle)];
      return found.join() === [even, half, half + 1, even | 0x8000].join();
    };
    expect(not(rounds)).toEqual([]);
  });

  it('overflows from 65520 on, and underflows to signed zero', () => {
    expect([one(65519.996), one(65520), one(1e10), one(-1e10)]).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00]);
    expect([one(2 ** -25), one(2 ** -25 + 2 ** -40), one(-1e-30), one(1e-45)]).toEqual([0, 1, 0x8000, 0]);
  });

  it('keeps NaN and infinity', () => {
    expect(isNaN16(one(NaN) ?? 0)).toBe(true);
    expect([one(Infinity), one(-Infinity)]).toEqual([0x7c00, 0xfc00]);
  });
});

describe('bf16', () => {
  it('has the upper 16 bits of an f32', () => {
    expect([...bf16ToF32(Uint16Array.of(0x3f80, 0xc040, 0x7f80, 0x0001))]).toEqual([1, -3, Infinity, 2 ** -133]);
  });

  it('converts to f16 as through f32, exactly from 2^-17 to the overflow', () => {
    const direct = bf16ToF16(all);
    const values = bf16ToF32(all);
    const through = f32ToF16(values);
    const back = f16ToF32(direct);
    const exact = (value: number) => Math.abs(value) >= 2 ** -17 && Math.abs(value) < 65520;
    expect(not((brain) => direct[brain] === through[brain])).toEqual([]);
    expect(not((brain) => !exact(values[brain] ?? 0) || back[brain] === values[brain])).toEqual([]);
  });
});
