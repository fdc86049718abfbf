/** Replay: which old examples are mixed into new data, how many, and what is refused. */

import { describe, expect, it } from 'vitest';
import { withReplay } from '../../src/batch/replay';
import { SplitWriter } from '../../src/batch/split-writer';
import type { EncodedDataset, EncodedSplit, ExampleLayout } from '../../src/batch/types';
import { replayCount } from '../../src/recipe/init';

/** `count` texts of `length` tokens; the ids of each are its number, the first token is not trained. */
function texts(count: number, length: number, first = 0, targets: readonly number[] = []): EncodedSplit {
  const writer = new SplitWriter();
  for (let i = 0; i < count; i++) {
    const ids = Array.from({ length }, () => first + i);
    const trained = ids.map((_, t) => (t < length / 2 ? 0 : 1));
    writer.add({ documents: [{ ids, trained }], target: targets, line: i + 1 });
  }
  return writer.finish();
}

function dataset(train: EncodedSplit, layout?: ExampleLayout): EncodedDataset {
  const stats = {
    ...{ examples: train.lines.length, tokens: train.ids.length, trainedTokens: 0, truncated: 0, dropped: [], droppedCount: 0 },
    ...{ histogram: { width: 8, counts: [] }, maxLength: 0, meanLength: 0, packedTokens: 0 },
  };
  return { train, heldOut: texts(3, 4, 900), hash: 'new', stats, ...(layout && { layout }) };
}

const settings = { replay: 0.2, seed: 7, sequenceLength: 16 };
const firstIds = ({ ids, offsets }: EncodedSplit) => [...offsets.slice(0, -1)].map((at) => ids[at] ?? -1);

describe('replay', () => {
  it('makes the old examples the share of all, as far as there are so many', () => {
    expect([0, 0.2, 0.5, 0.9].map((share) => replayCount(share, 80, 1000))).toEqual([0, 20, 80, 720]);
    expect(replayCount(0.5, 80, 30)).toBe(30);
  });

  it('adds old training examples after the new ones, each at most once, and changes nothing else', async () => {
    const [fresh, old] = [dataset(texts(40, 8)), dataset(texts(50, 6, 100))];
    const { dataset: mixed, examples, available } = await withReplay(fresh, old, settings);
    expect({ examples, available }).toEqual({ examples: 10, available: 50 });
    const ids = firstIds(mixed.train);
    expect(ids.slice(0, 40)).toEqual(firstIds(fresh.train));
    const added = ids.slice(40);
    expect(new Set(added).size).toBe(10);
    expect(added.every((id) => id >= 100 && id < 150)).toBe(true);
    expect(added).not.toEqual(Array.from({ length: 10 }, (_, i) => 100 + i));
    expect(mixed.heldOut).toBe(fresh.heldOut);
    expect(mixed.stats).toMatchObject({ examples: 50, tokens: 40 * 8 + 10 * 6, packedTokens: expect.any(Number) as number });
    expect(mixed.stats.packedTokens).toBeGreaterThanOrEqual(380);
    expect(mixed.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('chooses by the seed alone', async () => {
    const [fresh, old] = [dataset(texts(40, 8)), dataset(texts(50, 6, 100))];
    const mix = async (seed: number) => (await withReplay(fresh, old, { ...settings, seed })).dataset;
    const [first, again, other] = await Promise.all([mix(7), mix(7), mix(8)]);
    expect(again.hash).toBe(first.hash);
    expect(again.train).toEqual(first.train);
    expect(other.hash).not.toBe(first.hash);
  });

  it('cuts old texts to the sequence length, and leaves out those of which nothing is trained then', async () => {
    const long = await withReplay(dataset(texts(40, 8)), dataset(texts(50, 20, 100)), settings);
    expect(long.available).toBe(50);
    expect(long.dataset.train.ids.length).toBe(40 * 8 + 10 * 16);
    const unanswered = await withReplay(dataset(texts(40, 8)), dataset(texts(50, 40, 100)), settings);
    expect(unanswered).toMatchObject({ examples: 0, available: 0, dataset: { hash: 'new' } });
  });

  it('keeps targets, and refuses examples of another form or with other labels', async () => {
    const layout = (names: readonly string[]): ExampleLayout => ({ kind: 'labelled', documents: 1, columns: [], names });
    const [fresh, old] = [dataset(texts(8, 8, 0, [1]), layout(['a', 'b'])), dataset(texts(8, 8, 50, [0]), layout(['a', 'b']))];
    const { dataset: mixed } = await withReplay(fresh, old, { ...settings, replay: 0.5 });
    expect([...(mixed.train.targets ?? [])]).toEqual([...Array<number>(8).fill(1), ...Array<number>(8).fill(0)]);
    const other = dataset(texts(8, 8, 50, [0]), layout(['b', 'a']));
    for (const unfit of [other, dataset(texts(8, 8))])
      await expect(withReplay(fresh, unfit, settings)).rejects.toMatchObject({ code: 'recipe/invalid' });
  });
});
