/** Rounding to f16 in tfjs ops, against the bit arithmetic of src/core/f16.ts. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { roundedToF16 } from '../../kernels/lib/f16-twin';
import { f16ToF32, f32ToF16 } from '../../src/core/f16';

beforeAll(() => tf.setBackend('cpu'));

async function roundedBy(values: Float32Array): Promise<ArrayLike<number>> {
  const [x, y] = tf.tidy(() => {
    const made = tf.tensor1d(values);
    return [made, roundedToF16(made)];
  });
  const data = await y.data();
  tf.dispose([x, y]);
  return data;
}

/** Every f16 that is finite, the f32 next to it on both sides, half-way to the next one, and next to half-way. */
function delicate(): Float32Array {
  const finite = Uint16Array.from({ length: 0x7c00 }, (_, i) => i);
  const exact = f16ToF32(finite);
  const bits = (value: number, step: number) => new Float32Array(Uint32Array.of(floatBits(value) + step).buffer)[0] ?? NaN;
  const positive = [...exact].flatMap((value, i) => {
    const middle = (value + (exact[i + 1] ?? 65536)) / 2;
    return [value, middle].flatMap((x) => [x, bits(x, 1), x === 0 ? 0 : bits(x, -1)]);
  });
  return Float32Array.from([...positive, ...positive.map((x) => -x)]);
}

function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

test('every f16 and every half-way case rounds as in storage, ties to even', async () => {
  const values = delicate();
  const expected = f16ToF32(f32ToF16(values));
  const actual = await roundedBy(values);
  const wrong = [...values].filter((_, i) => actual[i] !== expected[i]);
  expect(values.length).toBe(2 * 6 * 0x7c00);
  expect(wrong).toEqual([]);
});

test('what is too large is infinite, infinity and NaN stay', async () => {
  const actual = await roundedBy(Float32Array.of(65519, 65520, -65520, 1e30, Infinity, -Infinity, NaN));
  expect(Array.from(actual)).toEqual([65504, Infinity, -Infinity, Infinity, Infinity, -Infinity, NaN]);
});
