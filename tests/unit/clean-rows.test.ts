/** Balance: how many rows, which, and that seed and line decide. */

import { describe, expect, it } from 'vitest';
import { LabelDraws } from '../../src/dataset/clean/balance';

describe('balance', () => {
  const labels = [...Array<string>(60).fill('a'), ...Array<string>(25).fill('b'), ...Array<string>(7).fill('c')];

  /** Rows that stay. */
  function balanced(ratio: number, seed = 1, order = [...labels.keys()]): number[] {
    const draws = new LabelDraws(seed);
    for (const row of order) draws.add(labels[row] ?? '', row);
    const stays = draws.plan(ratio);
    return [...labels.keys()].filter((row) => stays(labels[row] ?? '', row));
  }
  const sizes = (ratio: number) => ['a', 'b', 'c'].map((label) => balanced(ratio).filter((row) => labels[row] === label).length);

  it('makes the sizes exact', () => {
    expect(sizes(1)).toEqual([7, 7, 7]);
    expect(sizes(3)).toEqual([21, 21, 7]);
    expect(sizes(1.5)).toEqual([11, 11, 7]);
    expect(sizes(100)).toEqual([60, 25, 7]);
  });

  it('depends on the seed and the number of a row', () => {
    expect(balanced(1, 1, [...labels.keys()].reverse())).toEqual(balanced(1));
    expect(balanced(1, 2)).not.toEqual(balanced(1));
  });
});
