/** The datasets of a mixture in words, before a run and in it. */

import { describe, expect, it } from 'vitest';
import type { EncodedStats, RunView } from '../../workers/api';
import { defaultRecipe } from '../../src/recipe/recipe';
import { defaultObjective } from '../../src/recipe/objectives';
import { drawn, mixFacts, readWeight, shareOf, usedOtherwise, type MixEntry } from '../../src/ui/data/mix-words';
import { sourceRows, unmeasuredWords, worseWords } from '../../src/ui/train/sources';

const stats = (train: number, packedTokens: number, examples = train + 10, test = 0) =>
  ({ examples, packedTokens, droppedCount: 0, parts: { train, heldOut: 10, test, removed: 0 } }) as unknown as EncodedStats;
const entry = (changes: Partial<MixEntry>): MixEntry => ({
  ...{ hash: 'a', name: 'a.csv', weight: 1, stats: stats(90, 1000), rows: 100, problem: null },
  ...changes,
});

describe('a dataset of a mixture', () => {
  it('says what it has, or why it can’t be used', () => {
    expect(mixFacts(entry({}))).toBe('90 examples for training, 10 held out');
    expect(mixFacts(entry({ rows: 105, stats: stats(90, 1, 103, 3) }))).toBe(
      '90 examples for training, 10 held out, 3 for the test, 2 rows not used',
    );
    expect(mixFacts(entry({ stats: null }))).toBe('Being counted…');
    expect(mixFacts(entry({ stats: null, problem: 'It lacks answers.' }))).toBe('It lacks answers.');
  });

  it('has its weight times its examples in a pass, and a share of the tokens once all are counted', () => {
    const all = [entry({}), entry({ hash: 'b', weight: 0.5, stats: stats(7, 6000) })];
    expect(all.map(drawn)).toEqual([90, 4]);
    expect(all.map((one) => shareOf(one, all))).toEqual([0.25, 0.75]);
    const uncounted = [...all, entry({ stats: null })];
    expect(uncounted.map((one) => shareOf(one, uncounted))).toEqual([null, null, null]);
    expect(drawn(entry({ weight: 0.01, stats: stats(7, 100) }))).toBe(1);
  });

  it('takes weights from 0.01 to 100', () => {
    expect([0.01, 1, 100].map(readWeight)).toEqual([{ weight: 0.01 }, { weight: 1 }, { weight: 100 }]);
    for (const typed of [0, 101, '', 'two', NaN])
      expect(readWeight(typed)).toEqual({ problem: 'the weight must be a number from 0.01 to 100.' });
  });

  it('tells whether it was cleaned otherwise since it was added', () => {
    const before = { mapping: null, dataSteps: [] };
    expect(usedOtherwise(before, null)).toBe(false);
    expect(usedOtherwise(before, { mapping: null, dataSteps: [] })).toBe(false);
    expect(usedOtherwise(before, { mapping: null, dataSteps: [{ kind: 'trim' }] })).toBe(true);
  });
});

describe('the datasets of a run', () => {
  const source = (name: string, baseLoss: number | null, heldOut = 10) => ({
    name,
    weight: 0.5,
    train: 90,
    heldOut,
    test: 0,
    baseLoss,
  });
  const run = (mixture: RunView['mixture']) => ({ recipe: defaultRecipe(), ...(mixture && { mixture }) });
  const evals = [
    { step: 0, sources: [4, 3] },
    { step: 10, sources: [2, 3.5] },
    { step: 20, sources: [2.5, 3.6] },
  ];

  it('have the errors of the base, of the newest and of the best measurement', () => {
    const rows = sourceRows(run([source('a', 4), source('b', 3)]), evals);
    expect(rows.map(({ name, weight, base, now, best }) => [name, weight, base, now, best])).toEqual([
      ['a', '× 0.5', '4.000', '2.500', '2.000'],
      ['b', '× 0.5', '3.000', '3.600', '3.000'],
    ]);
    expect(sourceRows(run(undefined), evals)).toEqual([]);
    expect(sourceRows(run([source('a', null)]), [])[0]).toMatchObject({ base: '–', now: '–', best: '–' });
  });

  it('say which one became worse than with the base', () => {
    expect(worseWords(run([source('a', 4), source('b', 3)]), evals)).toMatch(
      /^b: the error is above that of the base\. Give this dataset/,
    );
    expect(worseWords(run([source('a', 4), source('b', 4)]), evals)).toBeNull();
  });

  it('say why they are not measured', () => {
    expect(unmeasuredWords(run([source('a', null, 0)]))).toMatch(/No examples are held out/);
    expect(unmeasuredWords(run([source('a', 4)]))).toBeNull();
    const rewards = { ...defaultRecipe(), objective: defaultObjective('grpo') };
    expect(unmeasuredWords({ mixture: [source('a', 4)], recipe: rewards })).toMatch(/mean reward/);
  });
});
