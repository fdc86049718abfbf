/** Balance and augmentation: how many rows, which, and that seed and line decide. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { augmentText, type AugmentSettings } from '../../src/dataset/clean/augment';
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

describe('augmentation', () => {
  const all: AugmentSettings = { casing: true, typos: true, drop: true, swap: true, fill: true, share: 0.2 };
  const none: AugmentSettings = { casing: false, typos: false, drop: false, swap: false, fill: false, share: 0.2 };
  const TEXT = 'I was charged twice for my order and would like to have my money back';
  const copies = (settings: AugmentSettings) => Array.from({ length: 20 }, (_, copy) => augmentText(TEXT, settings, 1, 5, copy));
  const sorted = (text: string) => text.split(' ').sort();

  it('changes only what it is told to', () => {
    expect(new Set(copies(none))).toEqual(new Set([TEXT]));
    for (const text of copies({ ...none, casing: true })) expect(text.toLowerCase()).toBe(TEXT.toLowerCase());
    for (const text of copies({ ...none, swap: true })) expect(sorted(text)).toEqual(sorted(TEXT));
    const words = TEXT.split(' ');
    for (const text of copies({ ...none, drop: true })) {
      expect(text.split(' ').every((word) => words.includes(word))).toBe(true);
      expect(text.split(' ').length).toBeLessThanOrEqual(words.length);
    }
    for (const text of copies({ ...none, fill: true })) expect(text.split(' ').length).toBe(words.length + 3);
    for (const text of copies({ ...none, typos: true })) expect(text.split(' ')).toHaveLength(words.length);
    for (const change of ['casing', 'typos', 'drop', 'swap', 'fill'] as const)
      expect(new Set(copies({ ...none, [change]: true })).size, change).toBeGreaterThan(1);
  });

  it('is the same for the same seed, line and copy', () => {
    expect(copies(all)).toEqual(copies(all));
    expect(new Set(copies(all)).size).toBe(20);
    expect(augmentText(TEXT, all, 2, 5, 0)).not.toBe(augmentText(TEXT, all, 1, 5, 0));
  });

  it('leaves something of any text, and no half characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.nat(), (text, line) => {
        const changed = augmentText(text, { ...all, share: 1 }, 1, line, 0);
        expect(changed === '').toBe(text.trim() === '');
        expect(changed).not.toMatch(/\p{Surrogate}/u);
      }),
    );
  });
});
