/** Blind pairs: the interval against published values of Wilson's, the sentences, and which answer is shown first. */

import { describe, expect, it } from 'vitest';
import { pairsVerdict, preferenceOf } from '../../src/metric/blind-pairs';
import { drawn, shuffled, VERDICT_KEYS, winnerOf } from '../../src/state/pair';

const counts = (wins: number, losses: number, ties = 0) => ({ wins, losses, ties });

describe('the preference', () => {
  /** From scipy: `binomtest(wins, n).proportion_ci(method="wilson")`. */
  it.each([
    [20, 8, 0.529407, 0.84746],
    [0, 10, 0, 0.277533],
    [10, 0, 0.722467, 1],
    [5, 5, 0.236593, 0.763407],
    [81, 182, 0.255289, 0.36621],
  ])('of %i to %i is in Wilson’s interval', (wins, losses, low, high) => {
    const found = preferenceOf(counts(wins, losses));
    expect(found?.low).toBeCloseTo(low, 5);
    expect(found?.high).toBeCloseTo(high, 5);
  });

  it('is unclear where the interval has one half, and none without a preference', () => {
    expect(preferenceOf(counts(20, 8))?.unclear).toBe(false);
    expect(preferenceOf(counts(12, 8))?.unclear).toBe(true);
    expect(preferenceOf(counts(0, 0, 5))).toBeNull();
  });
});

describe('the sentence', () => {
  const verdict = (wins: number, losses: number, ties = 0, ratings: number | null = 34, against: string | null = 'lamp') =>
    pairsVerdict({ ...counts(wins, losses, ties), heldOut: 0, against }, ratings);

  it('has the share, the number and the interval', () => {
    expect(verdict(20, 8)).toBe(
      'Trained on 34 ratings: preferred in 71 % of 28 blind pairs with “lamp”. With 95 % confidence the share is from 53 % to 85 %.',
    );
    expect(verdict(20, 8, 2, null, null)).toMatch(
      /^Preferred in 71 % of 28 blind pairs with the base model\..* 2 ties not counted\.$/,
    );
    expect(verdict(2, 18)).toMatch(/so the other is better\.$/);
  });
  it('says that there are too few, and that nobody preferred any', () => {
    expect(verdict(6, 4)).toMatch(/Too few to tell which is better: with 95 % confidence the share is from 31 % to 83 %\.$/);
    expect(verdict(0, 0, 1, 1)).toBe('Trained on 1 rating: no preference in 1 blind pair with “lamp”.');
  });
  it('counts the prompts that were held out', () => {
    expect(pairsVerdict({ ...counts(3, 1), heldOut: 2, against: null }, null)).toMatch(/2 of the 4 prompts were held out\.$/);
  });
});

describe('a pair', () => {
  it('is won by the model whose answer was chosen, wherever it is shown', () => {
    const [plain, swapped] = [shuffled('q', ['a', 'b'], 0.2), shuffled('q', ['a', 'b'], 0.7)];
    expect([plain.answers, swapped.answers]).toEqual([
      ['a', 'b'],
      ['b', 'a'],
    ]);
    expect([winnerOf(plain, 'first'), winnerOf(plain, 'second'), winnerOf(plain, 'tie')]).toEqual([0, 1, null]);
    expect([winnerOf(swapped, 'first'), winnerOf(swapped, 'second')]).toEqual([1, 0]);
    expect(VERDICT_KEYS).toEqual({ '1': 'first', '2': 'second', '0': 'tie' });
  });
  it('is swapped half of the time', () => {
    const swaps = Array.from({ length: 2000 }, () => shuffled('q', ['a', 'b'], drawn()).swapped).filter(Boolean).length;
    // Six standard deviations.
    expect(Math.abs(swaps - 1000)).toBeLessThan(135);
  });
});
