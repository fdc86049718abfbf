/** The order of the examples: a curriculum from short to long in the first epoch, and otherwise what it was without the setting. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packEpoch } from '../../src/batch/order';
import { packFirstFit, type Packing } from '../../src/batch/pack';
import type { EncodedSplit } from '../../src/batch/types';
import { permutation, STREAM } from '../../src/core/random';
import { parseRecipe } from '../../src/recipe/recipe';
import { planBatches } from '../../src/train/batches';
import { totalSteps } from '../../src/optim/schedule';

const LENGTH = 32;
const lengths = fc
  .array(fc.integer({ min: 1, max: LENGTH }), { minLength: 1, maxLength: 80 })
  .map((all) => Uint32Array.from(all));
const given = fc.record({ lengths, seed: fc.nat(), items: fc.constantFrom(2, 5, Infinity) });

const rowsOf = ({ docs, starts }: Packing) =>
  Array.from({ length: starts.length - 1 }, (_, row) => [...docs.subarray(starts[row], starts[row + 1])]);

/** How many of the lengths at 0 %, 10 %, … 90 % of the sorted ones a document reaches: documents of one length are together. */
function tenth(all: Uint32Array, length: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  const cuts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((part) => sorted[Math.floor((part * sorted.length) / 10)] ?? 0);
  return cuts.filter((cut) => cut <= length).length;
}

describe('short-first', () => {
  const pack = (
    { lengths: all, seed, items }: { lengths: Uint32Array; seed: number; items: number },
    epoch: number,
    order: 'shuffled' | 'short-first',
  ) => packEpoch(all, { tokens: LENGTH, items }, { seed, epoch, numerics: 2, order });

  it('has each document once, and no row with one that is of a lower group than one in an earlier row', () => {
    fc.assert(
      fc.property(given, (one) => {
        const rows = rowsOf(pack(one, 0, 'short-first'));
        expect(rows.flat().sort((a, b) => a - b)).toEqual([...one.lengths.keys()]);
        const groups = rows.map((row) => row.map((doc) => tenth(one.lengths, one.lengths[doc] ?? 0)));
        groups
          .slice(1)
          .forEach((row, index) => expect(Math.min(...row)).toBeGreaterThanOrEqual(Math.max(...(groups[index] ?? []))));
      }),
    );
  });

  it('is shuffled inside a group, by the seed', () => {
    const all = Uint32Array.from({ length: 40 }, (_, i) => (i < 20 ? 16 : 32));
    const orders = [1, 2].map((seed) => [...pack({ lengths: all, seed, items: Infinity }, 0, 'short-first').docs]);
    expect(orders[0]).not.toEqual(orders[1]);
    for (const order of orders) expect(order.slice(0, 20).every((doc) => doc < 20)).toBe(true);
  });

  it('is shuffled after the first epoch', () => {
    fc.assert(
      fc.property(given, fc.integer({ min: 1, max: 5 }), (one, epoch) => {
        expect(pack(one, epoch, 'short-first')).toEqual(pack(one, epoch, 'shuffled'));
      }),
    );
  });
});

it('shuffled packs as runs did before there was an order', () => {
  fc.assert(
    fc.property(given, fc.nat(5), ({ lengths: all, seed, items }, epoch) => {
      const packing = packFirstFit(all, permutation(all.length, seed, epoch, STREAM.shuffle), { tokens: LENGTH, items });
      const rows = rowsOf(packing);
      const order = permutation(rows.length, seed, epoch, STREAM.shuffleRows);
      const made = packEpoch(all, { tokens: LENGTH, items }, { seed, epoch, numerics: 2, order: 'shuffled' });
      expect(rowsOf(made)).toEqual([...order].map((row) => rows[row]));
    }),
  );
});

/** Documents of the lengths; every token of document d is d. */
function splitOf(all: Uint32Array): EncodedSplit {
  const offsets = [0];
  for (const length of all) offsets.push((offsets.at(-1) ?? 0) + length);
  const ids = [...all].flatMap((length, doc) => Array<number>(length).fill(doc));
  const lines = Uint32Array.from(all.keys());
  return { ids: Int32Array.from(ids), trained: new Uint8Array(ids.length).fill(1), offsets: Uint32Array.from(offsets), lines };
}

describe('a run with short-first', () => {
  const all = Uint32Array.from({ length: 200 }, (_, i) => 1 + ((i * 7) % LENGTH));
  const dataset = { train: splitOf(all), heldOut: splitOf(Uint32Array.of(4)) };
  const recipeOf = (epochs: number) =>
    parseRecipe({ sequenceLength: LENGTH, epochs, order: 'short-first', gradientAccumulation: 3 });

  it.each([1, 2, 3])('reads the documents %d times', (epochs) => {
    const recipe = recipeOf(epochs);
    const { source, microSteps } = planBatches(dataset, recipe, 0);
    const counts = new Uint32Array(all.length);
    for (let k = 0; k < totalSteps(recipe, microSteps) * 3; k++) {
      const { ids, segments } = source.batch(k);
      for (const doc of new Set(ids.filter((_, at) => (segments[at] ?? -1) >= 0))) counts[doc] = (counts[doc] ?? 0) + 1;
    }
    // Shuffled epochs differ by some rows, so the end of the last one may be missing.
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(epochs === 3 ? 2 : epochs);
    const share = counts.reduce((sum, count) => sum + count, 0) / (epochs * all.length);
    expect(share).toBeGreaterThan(0.99);
    expect(share).toBeLessThan(1.05);
  });

  it('goes on from any micro-step with the same batches', () => {
    const whole = planBatches(dataset, recipeOf(2), 0);
    const rest = planBatches(dataset, recipeOf(2), 0);
    for (const index of [50, 119, 120, 121, 180]) {
      const copy = structuredClone(whole.source.batch(index));
      expect(rest.source.batch(index)).toEqual(copy);
    }
  });
});
