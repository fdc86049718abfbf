/** Mixtures: which examples an epoch has, what is held out of each dataset, and what is refused. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatches } from '../../src/batch/batches';
import { mixtureOf, type Ingredient } from '../../src/batch/mixture';
import { withReplay } from '../../src/batch/replay';
import { drawnIn, drawsOf, rangesIn } from '../../src/batch/sources';
import { SplitWriter } from '../../src/batch/split-writer';
import type { EncodedDataset, EncodedSplit, ExampleLayout, MixedSource } from '../../src/batch/types';
import { defaultRecipe, parseRecipe } from '../../src/recipe/recipe';
import { planBatches } from '../../src/train/batches';
import { splitsOf } from '../../src/train/exports';
import { sourceLosses } from '../../src/train/reports';

/** `count` texts of `length` tokens; the ids of each are its number. */
function texts(count: number, length: number, first: number): EncodedSplit {
  const writer = new SplitWriter();
  for (let i = 0; i < count; i++) {
    const ids = Array.from({ length }, () => first + i);
    writer.add({ documents: [{ ids, trained: ids.map((_, t) => (t === 0 ? 0 : 1)) }], target: [], line: i + 1 });
  }
  return writer.finish();
}

function dataset(count: number, first: number, layout?: ExampleLayout): EncodedDataset {
  const [train, heldOut] = [texts(count, 6, first), texts(4, 5, first + 500)];
  const stats = {
    ...{ examples: count + 4, tokens: 6 * count + 20, trainedTokens: 5 * count, truncated: 1, dropped: [], droppedCount: 2 },
    ...{ histogram: { width: 8, counts: [] }, maxLength: 6, meanLength: 6, packedTokens: 0 },
    parts: { train: count, heldOut: 4, test: 0, removed: 1 },
  };
  return { train, heldOut, hash: `hash ${first}`, stats, ...(layout && { layout }) };
}

const settings = { seed: 7, sequenceLength: 16 };
const one = (name: string, weight: number, data: EncodedDataset): Ingredient => ({ name, weight, dataset: data });
const firstIds = ({ ids, offsets }: EncodedSplit) => [...offsets.slice(0, -1)].map((at) => ids[at] ?? -1);

const source = fc.record({
  name: fc.constant('x'),
  weight: fc.double({ min: 0.01, max: 8, noNaN: true }),
  train: fc.integer({ min: 0, max: 40 }),
  heldOut: fc.constant(0),
  test: fc.constant(0),
});

describe('a mixture', () => {
  it('has in every epoch of each dataset its share, and takes all examples before one comes again', () => {
    fc.assert(
      fc.property(fc.array(source, { minLength: 1, maxLength: 4 }), fc.nat(), (sources: MixedSource[], seed) => {
        const ranges = rangesIn(sources, 'train');
        const seen = sources.map((s) => new Map<number, number>(Array.from({ length: s.train }, (_, i) => [i, 0])));
        for (let epoch = 0; epoch < 6; epoch++) {
          const drawn = [...drawnIn(sources, epoch, seed)];
          sources.forEach((s, i) => {
            const { from, to } = ranges[i] ?? { from: 0, to: 0 };
            const own = drawn.filter((index) => index >= from && index < to);
            expect(own).toHaveLength(drawsOf(s));
            for (const index of own) seen[i]?.set(index - from, (seen[i].get(index - from) ?? 0) + 1);
          });
        }
        for (const counts of seen) {
          const values = [...counts.values()];
          if (values.length > 0) expect(Math.max(...values) - Math.min(...values)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('joins the parts one dataset after the other, and is another one with other weights', async () => {
    const [a, b] = [dataset(10, 0), dataset(20, 1000)];
    const mixed = await mixtureOf([one('a', 1, a), one('b', 0.5, b)], settings);
    expect(firstIds(mixed.train)).toEqual([...firstIds(a.train), ...firstIds(b.train)]);
    expect(firstIds(mixed.heldOut)).toEqual([...firstIds(a.heldOut), ...firstIds(b.heldOut)]);
    expect(mixed.sources).toEqual([
      { name: 'a', weight: 1, train: 10, heldOut: 4, test: 0 },
      { name: 'b', weight: 0.5, train: 20, heldOut: 4, test: 0 },
    ]);
    expect(mixed.stats).toMatchObject({ examples: 38, tokens: 220, trainedTokens: 150, truncated: 2, droppedCount: 4 });
    // 10 + 10 of 20 examples of 6 tokens, two in a row of 16.
    expect(mixed.stats.packedTokens).toBe(10 * 16);
    expect(mixed.stats.parts).toEqual({ train: 30, heldOut: 8, test: 0, removed: 2 });
    const heavier = await mixtureOf([one('a', 1, a), one('b', 1, b)], settings);
    expect(heavier.hash).not.toBe(mixed.hash);
    expect((await mixtureOf([one('a', 1, a), one('b', 0.5, b)], settings)).hash).toBe(mixed.hash);
  });

  it('repeats examples of a weight above 1 in batches, and leaves out what a smaller weight does not take', async () => {
    const mixed = await mixtureOf([one('a', 3, dataset(4, 100)), one('b', 0.25, dataset(8, 1000))], settings);
    const batches = createBatches(mixed.train, { microBatch: 1, ...settings, sources: mixed.sources ?? [] });
    const of = (epoch: number) =>
      Array.from({ length: batches.microStepsPerEpoch(epoch) }, (_, i) => batches.batch(epoch, i)).flatMap(
        ({ ids, positions, segments }) => [...ids].filter((_, t) => positions[t] === 0 && (segments[t] ?? -1) >= 0),
      );
    const [first, second] = [of(0), of(1)];
    expect(first.filter((id) => id < 1000).sort()).toEqual([100, 100, 100, 101, 101, 101, 102, 102, 102, 103, 103, 103]);
    const [some, others] = [first, second].map((ids) => ids.filter((id) => id >= 1000));
    expect([some?.length, others?.length]).toEqual([2, 2]);
    expect(new Set([...(some ?? []), ...(others ?? [])]).size).toBe(4);
  });

  it('measures each dataset in batches of its own, and gives the mean loss of each', async () => {
    const mixed = await mixtureOf([one('a', 1, dataset(10, 0)), one('b', 1, dataset(20, 1000))], settings);
    const { heldOut } = planBatches(mixed, { ...defaultRecipe(), ...settings }, null);
    expect(heldOut.map(({ source: of }) => of)).toEqual([0, 0, 1, 1]);
    expect(
      heldOut.every(({ ids, segments, source: of }) =>
        [...ids].every((id, t) => (segments[t] ?? -1) < 0 || id >= 1000 === (of === 1)),
      ),
    ).toBe(true);
    // Every batch: 12 or 4 counted tokens of 32 in all; the losses are 2 and 5 a token.
    const counted = heldOut.map(({ trained }) => trained);
    const total = counted.reduce((sum, count) => sum + count, 0);
    const parts = heldOut.map(({ source: of }, i) => ((of === 0 ? 2 : 5) * (counted[i] ?? 0)) / total);
    const { sources } = sourceLosses(heldOut, parts);
    expect(sources?.map((loss) => Number(loss?.toFixed(9)))).toEqual([2, 5]);
    expect(
      sourceLosses(
        heldOut.map(({ source: _, ...batch }) => batch),
        parts,
      ),
    ).toEqual({});
  });

  it('has replayed examples as one more dataset without a held-out part', async () => {
    const mixed = await mixtureOf([one('a', 1, dataset(10, 0)), one('b', 1, dataset(20, 1000))], settings);
    const { dataset: replayed, examples } = await withReplay(mixed, dataset(50, 5000), { ...settings, replay: 0.25 });
    expect(examples).toBe(10);
    expect(replayed.sources?.at(-1)).toEqual({ name: 'Replay', weight: 1, train: 10, heldOut: 0, test: 0 });
    expect(drawnIn(replayed.sources ?? [], 0, 7)).toHaveLength(40);
  });

  it('is saved with the examples of its first epoch', async () => {
    const mixed = await mixtureOf([one('a', 2, dataset(3, 100)), one('b', 0.5, dataset(4, 1000))], settings);
    const { train, heldOut } = splitsOf(mixed, 7);
    const ids = [...train].map(({ documents: [document] }) => document?.ids[0] ?? -1).sort((x, y) => x - y);
    expect(ids.slice(0, 6)).toEqual([100, 100, 101, 101, 102, 102]);
    expect(ids).toHaveLength(8);
    // They are read more than once.
    expect([[...train], [...heldOut], [...heldOut]].map(({ length }) => length)).toEqual([8, 8, 8]);
  });

  it('refuses data of another form', async () => {
    const layout: ExampleLayout = { kind: 'labelled', documents: 1, columns: [], names: ['yes', 'no'] };
    const attempt = mixtureOf([one('a', 1, dataset(4, 0)), one('b', 1, dataset(4, 0, layout))], settings);
    await expect(attempt).rejects.toMatchObject({ code: 'recipe/invalid', problems: [{ where: 'mixture' }] });
  });
});

describe('the mixture of a recipe', () => {
  const other = { name: 'b.csv', hash: 'ab'.repeat(32), weight: 0.5, mapping: null, dataSteps: [{ kind: 'trim' }] };

  it('is read with its weights, columns and data steps', () => {
    const mixture = { weight: 2, others: [other] };
    expect(parseRecipe({ mixture }).mixture).toEqual(mixture);
  });

  it.each([
    { weight: 0, others: [other] },
    { weight: 1, others: [] },
    { weight: 1, others: [other, other] },
    { weight: 1, others: [{ ...other, hash: 'b.csv' }] },
    { weight: 1, others: [{ ...other, dataSteps: [{ kind: 'iron' }] }] },
  ])('is refused with what it takes: %j', (mixture) => {
    expect(() => parseRecipe({ mixture })).toThrow(
      /Mixture must be null, or 1 to 8 others, weights from 0.01 to 100: .*"weight": 2/,
    );
  });
});
