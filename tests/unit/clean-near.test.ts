/** Near duplicates: what MinHash finds on a planted set, against the exact index of all planted pairs. */

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { NearDuplicates, nearGroups } from '../../src/dataset/clean/minhash';
import { CHARACTER_FIVES, jaccard, shinglesOf, WORD_PAIRS, type Shingling } from '../../src/dataset/clean/shingles';
import { uniform } from '../../src/core/random';

/** Texts in pairs: the second of each has some words of the first replaced, so that the pairs' indices cover 0.5 to 1. */
function planted(pairs: number, words: number): string[] {
  let drawn = 0;
  const random = () => uniform(7, 0, 0, drawn++);
  const word = () => `w${Math.floor(random() ** 2 * 3000).toString(36)}`;
  return Array.from({ length: pairs }, () => {
    const first = Array.from({ length: words }, word);
    const second = [...first];
    const changes = Math.floor(random() * 0.17 * words);
    for (let i = 0; i < changes; i++) second[Math.floor(random() * words)] = word();
    return [first.join(' '), second.join(' ')];
  }).flat();
}

/** Precision and recall for the pairs of a planted set. */
function measure(texts: readonly string[], shingling: Shingling, threshold = 0.8) {
  const index = new NearDuplicates(threshold);
  const sets = texts.map((text) => shinglesOf(text, shingling));
  const found = sets.map((set, id) => {
    const matches = index.find(set);
    index.add(id, set);
    return matches;
  });
  const right = found.flatMap((matches, id) =>
    matches.filter((match) => jaccard(sets[id] ?? NONE, sets[match.id] ?? NONE) >= threshold),
  );
  const pairs = sets.filter((set, id) => id % 2 === 1 && jaccard(sets[id - 1] ?? NONE, set) >= threshold).length;
  return { found: found.flat().length, right: right.length, pairs };
}

const NONE = new Uint32Array(0);

describe('near duplicates', () => {
  it.each([
    ['word pairs', WORD_PAIRS],
    ['runs of five characters', CHARACTER_FIVES],
  ])('are found by %s, and no others', (_, shingling) => {
    const { found, right, pairs } = measure(planted(400, 32), shingling);
    expect(pairs).toBeGreaterThan(100);
    expect(pairs).toBeLessThan(350);
    expect(right).toBe(found);
    expect(right / pairs).toBeGreaterThanOrEqual(0.95);
  });

  it.each([0.5, 0.6, 0.7, 0.9, 0.95])('are found as well at a similarity of %d', (threshold) => {
    const { found, right, pairs } = measure(planted(400, 32), WORD_PAIRS, threshold);
    expect(pairs).toBeGreaterThan(50);
    expect(right).toBe(found);
    expect(right / pairs).toBeGreaterThanOrEqual(0.95);
  });

  it('are estimated from 512 hashes in long texts', () => {
    const { found, right, pairs } = measure(planted(150, 900), WORD_PAIRS);
    expect(pairs).toBeGreaterThan(30);
    expect(right / found).toBeGreaterThanOrEqual(0.95);
    expect(right / pairs).toBeGreaterThanOrEqual(0.95);
  });

  it('are sought among texts of the same key, the most similar first', () => {
    const index = new NearDuplicates(0.5);
    const set = shinglesOf('my order has not come yet', WORD_PAIRS);
    index.add(10, shinglesOf('my order has not come', WORD_PAIRS), 1);
    index.add(20, set, 1);
    index.add(30, set, 2);
    expect(index.find(set, 1)).toEqual([
      { id: 20, similarity: 1 },
      { id: 10, similarity: 4 / 5 },
    ]);
    expect(index.find(set, 3)).toEqual([]);
    expect(index.find(NONE, 1)).toEqual([]);
  });
});

test('groups join texts through others, in the order of the first', () => {
  const texts = ['a b c d e f', 'x y z', 'a b c d e f g', 'other text here', 'X, y: z!', 'a b c d e f g h'];
  const sets = texts.map((text) => shinglesOf(text, WORD_PAIRS));
  expect(nearGroups(sets, 0.8)).toEqual([
    [0, 2, 5],
    [1, 4],
  ]);
  expect(jaccard(sets[0] ?? NONE, sets[5] ?? NONE)).toBeLessThan(0.8);
});

describe('shingles', () => {
  it('leave out case, marks and white space, and take writing without spaces by the character', () => {
    const pairs = (text: string) => [...shinglesOf(text, WORD_PAIRS)];
    expect(pairs('Hello,  WORLD! Again')).toEqual(pairs('hello world again'));
    expect(pairs('ﬁne café')).toEqual(pairs('fine cafe\u0301'));
    expect(pairs('我的包裹')).toHaveLength(3);
    expect(pairs('one')).toHaveLength(1);
    expect(pairs('?!')).toEqual([]);
    expect(pairs('a b')).not.toEqual(pairs('b a'));
  });

  it('are distinct and ascending, and an index is that of sets', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 }).map((words) => words.join(' '));
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [left, right] = [shinglesOf(a, WORD_PAIRS), shinglesOf(b, WORD_PAIRS)];
        expect([...left]).toEqual([...new Set(left)].sort((x, y) => x - y));
        const all = new Set([...left, ...right]).size;
        const shared = [...left].filter((one) => right.includes(one)).length;
        expect(jaccard(left, right)).toBe(all === 0 ? 0 : shared / all);
      }),
    );
  });
});
