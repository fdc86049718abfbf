/** Slices on tfjs's wasm backend, whose kernel for them is ours. */

import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { startTfjsWasm } from '../../src/graph/tfjs-backend';

beforeAll(() => startTfjsWasm());
afterEach(() => tf.disposeVariables());

/** Element [i, j, k] of [3, 4, 5] is 100·i + 10·j + k. */
const CUBE = Array.from({ length: 60 }, (_, n) => 100 * Math.floor(n / 20) + 10 * (Math.floor(n / 5) % 4) + (n % 5));

test.each([
  { begin: [0, 0, 0], size: [3, 4, 5] },
  { begin: [1, 0, 0], size: [2, 4, 5] },
  { begin: [2, 1, 0], size: [1, 2, 5] },
  { begin: [1, 3, 2], size: [1, 1, 3] },
  { begin: [1, 0, 0], size: [-1, -1, -1] },
  { begin: [0, 1, 1], size: [3, 2, 3] },
  { begin: [0, 0, 3], size: [3, 4, 2] },
  { begin: [1, 1, 1], size: [0, 1, 1] },
] as const)('a slice from $begin of $size', ({ begin, size }) => {
  for (const dtype of ['float32', 'int32'] as const) {
    tf.tidy(() => {
      const part = tf.slice(tf.tensor3d(CUBE, [3, 4, 5], dtype), [...begin], [...size]);
      const shape = size.map((count, axis) => (count < 0 ? ([3, 4, 5][axis] ?? 0) - (begin[axis] ?? 0) : count));
      const [a = 0, b = 0, c = 0] = shape;
      const expected = Array.from({ length: a * b * c }, (_, n) => {
        const at = [Math.floor(n / (b * c)), Math.floor(n / c) % b, n % c].map((i, axis) => i + (begin[axis] ?? 0));
        return 100 * (at[0] ?? 0) + 10 * (at[1] ?? 0) + (at[2] ?? 0);
      });
      expect(part.shape).toEqual(shape);
      expect(part.dtype).toBe(dtype);
      expect([...part.dataSync()]).toEqual(expected);
    });
  }
});

test('a slice is a copy, and the heap may grow for it', async () => {
  const whole = tf.range(0, 3e6);
  const parts = Array.from({ length: 8 }, (_, i) => tf.slice(whole, [i], [3e6 - 8]));
  whole.dispose();
  for (const [i, part] of parts.entries()) expect([...(await tf.slice(part, [0], [2]).data())]).toEqual([i, i + 1]);
  tf.dispose(parts);
});
