/** Balance: how many rows, which, and that seed and line decide. */

import { describe, expect, it } from 'vitest';
import { drawOf, LabelDraws } from '../../src/dataset/clean/balance';

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

describe('balance', () => {
  const labels = [...Array<string>(60).fill('a'), ...Array<string>(25).fill('b'), ...Array<string>(7).fill('c')];

  /** Rows that stay. */
  function balanced(ratio: number, seed = 1, order = [...labels.keys()]): number[] {
    const draws = drawn(seed, order);
    const stays = draws.down(ratio);
    return [...labels.keys()].filter((row) => stays(labels[row] ?? '', drawOf(seed, row)));
  }
  function drawn(seed: number, order = [...labels.keys()]): LabelDraws {
    const draws = new LabelDraws();
    for (const row of order) draws.add(labels[row] ?? '', drawOf(seed, row));
    return draws;
  }
  const sizes = (ratio: number) => ['a', 'b', 'c'].map((label) => balanced(ratio).filter((row) => labels[row] === label).length);

  it('makes the sizes exact', () => {
    expect(sizes(1)).toEqual([7, 7, 7]);
    expect(sizes(3)).toEqual([21, 21, 7]);
    expect(sizes(1.5)).toEqual([11, 11, 7]);
    expect(sizes(100)).toEqual([60, 25, 7]);
  });

  it('repeats rows until the sizes are exact, each as often as another or once more', () => {
    const times = (ratio: number, seed = 1) => {
      const copies = drawn(seed).up(ratio);
      return labels.map((label, row) => copies(label, drawOf(seed, row)));
    };
    const added = (ratio: number) => ['a', 'b', 'c'].map((one) => sum(times(ratio).filter((_, row) => labels[row] === one)));
    expect([1, 3, 1.5, 100].map(added)).toEqual([
      [0, 35, 53],
      [0, 0, 13],
      [0, 15, 33],
      [0, 0, 0],
    ]);
    expect(new Set(times(1).filter((_, row) => labels[row] === 'c'))).toEqual(new Set([7, 8]));
    expect(times(1, 2)).not.toEqual(times(1));
  });

  it('depends on the seed and the number of a row', () => {
    expect(balanced(1, 1, [...labels.keys()].reverse())).toEqual(balanced(1));
    expect(balanced(1, 2)).not.toEqual(balanced(1));
  });
});
