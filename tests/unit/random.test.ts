import { expect, test } from 'vitest';
import { permutation, randomBits, uniform } from '../../src/core/random';

test('random bits are a function of seed, step, stream and index', () => {
  const drawn = new Set<number>();
  const counters: [number, number, number, number][] = [
    [1, 2, 3, 4],
    [2, 2, 3, 4],
    [1, 3, 3, 4],
    [1, 2, 4, 4],
    [1, 2, 3, 5],
  ];
  for (const counter of counters) drawn.add(randomBits(...counter));
  expect(drawn.size).toBe(5);
  expect(randomBits(1, 2, 3, 4)).toBe(randomBits(1, 2, 3, 4));
});

test('uniform numbers are evenly distributed in [0, 1)', () => {
  const bins = new Array<number>(10).fill(0);
  const count = 100_000;
  for (let i = 0; i < count; i++) {
    const bin = Math.floor(uniform(7, 0, 1, i) * 10);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  // Chi-square with 9 degrees of freedom exceeds 27.9 with probability 0.001.
  const chiSquare = bins.reduce((sum, seen) => sum + (seen - count / 10) ** 2 / (count / 10), 0);
  expect(chiSquare).toBeLessThan(27.9);
});

test('a permutation has every number once and differs between steps', () => {
  const first = permutation(1000, 42, 0, 1);
  expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect([...permutation(1000, 42, 1, 1)]).not.toEqual([...first]);
  expect([...permutation(1000, 42, 0, 1)]).toEqual([...first]);
});
