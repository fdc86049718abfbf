/** The order by the base's loss: the rows of the shuffled packing, from easy to hard in the first epoch only. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { packEpoch } from '../../src/batch/order';
import type { Packing } from '../../src/batch/pack';

const one = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 32 }), fc.float({ min: 0, max: 12, noNaN: true })), { minLength: 1, maxLength: 80 })
  .map((all) => ({ lengths: Uint32Array.from(all, ([n]) => n), difficulty: Float32Array.from(all, ([, d]) => d) }));
const rowsOf = ({ docs, starts }: Packing) =>
  Array.from({ length: starts.length - 1 }, (_, row) => [...docs.subarray(starts[row], starts[row + 1])]);

it('has the rows of the shuffled order, by their mean loss', () => {
  fc.assert(
    fc.property(one, fc.nat(), ({ lengths, difficulty }, seed) => {
      const at = { seed, epoch: 0, numerics: 2, order: 'shuffled' } as const;
      const row = { tokens: 32, items: Infinity };
      const plain = rowsOf(packEpoch(lengths, row, at));
      const easy = rowsOf(packEpoch(lengths, row, { ...at, difficulty }));
      const key = (rows: number[][]) => rows.map(String).sort();
      expect(key(easy)).toEqual(key(plain));
      const means = easy.map((r) => r.reduce((sum, doc) => sum + (difficulty[doc] ?? 0), 0) / r.length);
      expect(means).toEqual([...means].sort((a, b) => a - b));
      const later = { ...at, epoch: 1 };
      expect(packEpoch(lengths, row, { ...later, difficulty })).toEqual(packEpoch(lengths, row, later));
    }),
  );
});
