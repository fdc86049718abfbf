// Which rows are trained on, which measure the run, and which are kept for the test.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { permutation, STREAM } from '../../src/core/random';
import { splitExamples } from '../../src/dataset/split';
import { partNamed } from '../../src/dataset/split/column';
import { PART, type Shares } from '../../src/dataset/split/split';
import { readTimes } from '../../src/dataset/split/times';
import type { SplitSettings } from '../../src/recipe/splits';

const shares = fc.record({
  heldOutRatio: fc.double({ min: 0, max: 0.5, noNaN: true }),
  testRatio: fc.double({ min: 0, max: 0.5, noNaN: true }),
  seed: fc.nat(),
});

/** Splits rows that each give one example: the text of row i is `texts[i]`. */
function split(texts: readonly string[], settings: SplitSettings, some: Shares): number[] {
  const origins = [...texts.keys()];
  const rows = new Map(texts.map((text, origin) => [origin, text]));
  return [...splitExamples({ origins, lines: origins.map((i) => i + 2) }, rows, settings, some)];
}

const rowsIn = (parts: readonly number[], part: keyof typeof PART): number[] =>
  [...parts.keys()].filter((row) => parts[row] === PART[part]);

function failureOf(work: () => unknown): CodedError {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const random = { kind: 'random', leaks: 'report' } as const;
const group = { kind: 'group', column: 'user', leaks: 'report' } as const;
const byTime = { kind: 'time', column: 'when', leaks: 'report' } as const;
const byColumn = { kind: 'column', column: 'set', leaks: 'report' } as const;
const balanced = { kind: 'stratified', column: 'topic', leaks: 'report' } as const;

const value = (text: string): string => JSON.stringify([text]);
const none = { heldOutRatio: 0, testRatio: 0, seed: 1 };

describe('a random split', () => {
  it('holds out what the first versions held out', () => {
    // The rule of all runs that are stored, written down again.
    const first = (count: number, ratio: number, seed: number): number[] => {
      const held = ratio <= 0 || count < 2 ? 0 : Math.min(count - 1, Math.max(1, Math.round(ratio * count)));
      return [...permutation(count, seed, 0, STREAM.split).slice(0, held).sort()];
    };
    const property = fc.property(fc.nat(300), shares, (count, { heldOutRatio, seed }) => {
      const parts = split(Array<string>(count).fill(''), random, { heldOutRatio, testRatio: 0, seed });
      expect(rowsIn(parts, 'heldOut')).toEqual(first(count, heldOutRatio, seed));
      expect(rowsIn(parts, 'test')).toEqual([]);
    });
    fc.assert(property);
  });

  it('gives each part its share, leaves something to train on, and depends on the seed', () => {
    const property = fc.property(fc.nat(300), shares, (count, some) => {
      const texts = Array<string>(count).fill('');
      const parts = split(texts, random, some);
      expect(split(texts, random, some)).toEqual(parts);
      if (count > 0) expect(rowsIn(parts, 'train').length).toBeGreaterThan(0);
      // Both shares may be half: of 5 rows, 3 and 2.5 would leave none to train on, so that one part has fewer.
      const least = rowsIn(parts, 'train').length === 1 ? -Infinity : -1;
      for (const [part, ratio] of [
        ['heldOut', some.heldOutRatio],
        ['test', some.testRatio],
      ] as const) {
        const off = rowsIn(parts, part).length - ratio * count;
        if (count >= 4) expect(off).toBeLessThanOrEqual(ratio > 0 ? 1 : 0);
        if (count >= 4) expect(off).toBeGreaterThanOrEqual(ratio > 0 ? least : 0);
      }
    });
    fc.assert(property);
    const many = Array<string>(100).fill('');
    const of = (seed: number) => split(many, random, { heldOutRatio: 0.1, testRatio: 0.1, seed });
    expect(of(7)).not.toEqual(of(8));
  });

  it('keeps the test rows when the share for validation changes', () => {
    const of = (heldOutRatio: number) => split(Array<string>(50).fill(''), random, { heldOutRatio, testRatio: 0.2, seed: 3 });
    expect(rowsIn(of(0.1), 'test')).toEqual(rowsIn(of(0.4), 'test'));
  });

  it('keeps what is made of one row in one part', () => {
    const property = fc.property(fc.array(fc.nat(30), { minLength: 1, maxLength: 100 }), shares, (origins, some) => {
      const parts = splitExamples({ origins, lines: origins }, new Map(), random, some);
      const sides = new Map<number, Set<number>>();
      origins.forEach((origin, i) => sides.set(origin, (sides.get(origin) ?? new Set()).add(parts[i] ?? -1)));
      for (const side of sides.values()) expect(side.size).toBe(1);
      expect(parts).toContain(PART.train);
    });
    fc.assert(property);
  });
});

describe('a balanced split', () => {
  it('gives each part each label within one row of its share, and training at least one', () => {
    const labels = fc.array(fc.constantFrom('a', 'b', 'b', 'b', 'c', 'c', 'c', 'c', 'c', 'c'), { minLength: 12, maxLength: 200 });
    const property = fc.property(labels, shares, (texts, some) => {
      const parts = split(texts.map(value), balanced, some);
      for (const label of new Set(texts)) {
        const rows = [...texts.keys()].filter((row) => texts[row] === label);
        const count = (part: number): number => rows.filter((row) => parts[row] === part).length;
        expect(count(PART.train)).toBeGreaterThan(0);
        if (count(PART.train) < 2) continue;
        expect(Math.abs(count(PART.heldOut) - some.heldOutRatio * rows.length)).toBeLessThan(1 + 1e-9);
        expect(Math.abs(count(PART.test) - some.testRatio * rows.length)).toBeLessThan(1 + 1e-9);
      }
    });
    fc.assert(property);
  });

  it('holds out as many rows as a random split, and some of every rare label', () => {
    const texts = [...Array<string>(500).fill('often'), ...Array<string>(60).fill('seldom'), ...Array<string>(4).fill('rare')];
    const parts = split(texts.map(value), balanced, { heldOutRatio: 0.1, testRatio: 0.1, seed: 1 });
    const labelsIn = (part: 'heldOut' | 'test') => rowsIn(parts, part).map((row) => texts[row]);
    for (const part of ['heldOut', 'test'] as const) {
      expect(labelsIn(part).length).toBeGreaterThanOrEqual(56);
      expect(labelsIn(part).length).toBeLessThanOrEqual(58);
      expect(new Set(labelsIn(part))).toEqual(new Set(['often', 'seldom', 'rare']));
    }
  });

  it('shares rows with several labels out by their rarest one', () => {
    const texts = Array.from({ length: 100 }, (_, i) => JSON.stringify(i < 10 ? ['common', 'rare'] : ['common']));
    const parts = split(texts, balanced, { heldOutRatio: 0.2, testRatio: 0, seed: 5 });
    expect(rowsIn(parts, 'heldOut').filter((row) => row < 10).length).toBe(2);
    expect(rowsIn(parts, 'heldOut').length).toBe(20);
  });

  it('leaves labels of one row in training, and refuses data where every label has one', () => {
    const parts = split(['a', 'b', 'b', 'b', 'c'].map(value), balanced, { heldOutRatio: 0.5, testRatio: 0, seed: 1 });
    expect([parts[0], parts[4]]).toEqual([PART.train, PART.train]);
    const error = failureOf(() => split(['a', 'b', 'c'].map(value), balanced, { ...none, heldOutRatio: 0.5 }));
    expect(error.code).toBe('data/columns');
    expect(error.message).toContain('Each of the 3 rows has a value of its own');
  });
});

describe('a split by group', () => {
  it('never has a group in two parts', () => {
    const groups = fc.array(fc.constantFrom('', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), { minLength: 20, maxLength: 150 });
    const property = fc.property(groups, shares, (texts, some) => {
      fc.pre(new Set(texts).size > 1);
      const parts = split(texts, group, some);
      for (const one of new Set(texts)) {
        if (one !== '') expect(new Set(parts.filter((_, row) => texts[row] === one)).size).toBe(1);
      }
      expect(rowsIn(parts, 'train').length).toBeGreaterThan(0);
      expect(split(texts, group, some)).toEqual(parts);
    });
    fc.assert(property);
  });

  it('comes near the shares where groups are small', () => {
    const texts = Array.from({ length: 1000 }, (_, i) => `user ${Math.floor(i / 4)}`);
    const parts = split(texts, group, { heldOutRatio: 0.1, testRatio: 0.2, seed: 9 });
    expect(rowsIn(parts, 'heldOut').length).toBe(100);
    expect(rowsIn(parts, 'test').length).toBe(200);
  });

  it('leaves the largest group in training, and refuses a single one', () => {
    const texts = [...Array<string>(90).fill('big'), ...Array<string>(10).fill('small')];
    const parts = split(texts, group, { heldOutRatio: 0.1, testRatio: 0, seed: 2 });
    expect(rowsIn(parts, 'heldOut')).toEqual([...Array(10).keys()].map((i) => 90 + i));
    const error = failureOf(() => split(['x', 'x'], group, { ...none, testRatio: 0.1 }));
    expect(error.message).toBe(
      'Every row has "x" in “user”, so that no row can be held out. Data, Split: choose another column, or another way to split.',
    );
    expect(split(['x', 'x'], group, none)).toEqual([PART.train, PART.train]);
  });
});

describe('a split by time', () => {
  it('trains on the oldest rows and tests on the newest', () => {
    const day = fc.date({ min: new Date('1990-01-01'), max: new Date('2030-01-01'), noInvalidDate: true });
    const property = fc.property(fc.array(day, { minLength: 4, maxLength: 100 }), shares, (days, some) => {
      const parts = split(
        days.map((one) => one.toISOString()),
        byTime,
        some,
      );
      const of = (part: keyof typeof PART) => rowsIn(parts, part).map((row) => days[row]?.getTime() ?? 0);
      const [train, heldOut, test] = [of('train'), of('heldOut'), of('test')];
      expect(Math.max(...train)).toBeLessThanOrEqual(Math.min(...heldOut, ...test));
      if (heldOut.length > 0) expect(Math.max(...heldOut)).toBeLessThanOrEqual(Math.min(...test));
      expect(test.length > 0).toBe(some.testRatio > 0);
    });
    fc.assert(property);
  });

  it('names the cells that are no time, with their lines', () => {
    const error = failureOf(() => split(['2024-01-01', 'soon', '', '2024-02-30'], byTime, { ...none, heldOutRatio: 0.5 }));
    expect(error.code).toBe('data/columns');
    expect(error.message).toMatch(/^3 cells of “when” can't be read as a time\. For example line 3: “soon” is no date/);
    expect(error.problems.map(({ where }) => where)).toEqual(['line 3', 'line 4', 'line 5']);
  });
});

describe('times', () => {
  const read = (...texts: readonly string[]) => {
    const { times, unread } = readTimes(texts);
    return texts.map((text) => times.get(text) ?? unread.get(text));
  };

  it('are read as Date reads them, where it reads them', () => {
    for (const text of [
      '2024-01-31',
      '2024-01-31T10:20:30Z',
      '2024-01-31T10:20:30.250+02:00',
      '2024-02-29T23:59:59-05:30',
      'Wed, 31 Jan 2024 10:20:30 GMT',
      '31 Jan 2024 10:20:30 +0100',
      'Wed Jan 31 10:20:30 +0000 2024',
    ]) {
      expect(read(text), text).toEqual([Date.parse(text)]);
    }
  });

  it('are read in the ways that people write them', () => {
    const day = Date.UTC(2024, 0, 31);
    for (const text of [
      '31 January 2024',
      'January 31, 2024',
      'Jan 31st 2024',
      '31-Jan-2024',
      '31.01.2024',
      '2024/01/31',
      '2024.1.31',
    ]) {
      expect(read(text), text).toEqual([day]);
    }
    expect(read('Jan 31, 2024 at 3:05 PM')).toEqual([day + (15 * 60 + 5) * 60_000]);
    expect(read('2024-01-31 12:00 am')).toEqual([day]);
    expect(read('Feb 2024', '2024-03')).toEqual([Date.UTC(2024, 1, 1), Date.UTC(2024, 2, 1)]);
  });

  it('of numbers keep their order, whatever they count', () => {
    expect(read('2019', '2020')).toEqual([2019, 2020]);
    expect(read('1700000000', '1700000000.5')).toEqual([1700000000, 1700000000.5]);
    expect(read('1700000000000', '999999999999')).toEqual([1700000000000, 999999999999]);
    expect(read('1700000000', '1700000000000')).toEqual([
      '“1700000000” may be in seconds or in milliseconds: the column has numbers of both sizes.',
      '“1700000000000” may be in seconds or in milliseconds: the column has numbers of both sizes.',
    ]);
  });

  it('with two readings are refused unless the column tells', () => {
    expect(read('03/04/2024')).toEqual([
      '“03/04/2024” may begin with the day or with the month, and no cell of the column tells.',
    ]);
    expect(read('03/04/2024', '13/04/2024')).toEqual([Date.UTC(2024, 3, 3), Date.UTC(2024, 3, 13)]);
    expect(read('03/04/2024', '04/13/2024')).toEqual([Date.UTC(2024, 2, 4), Date.UTC(2024, 3, 13)]);
    expect(read('13/04/2024', '04/13/2024')).toEqual([
      expect.stringContaining('the column has both ways') as string,
      expect.stringContaining('the column has both ways') as string,
    ]);
    expect(read('3/4/24')).toEqual(['“3/4/24” has a year of two digits: write all four.']);
    expect(read('2024-01-01', '20240102')).toEqual([
      Date.UTC(2024, 0, 1),
      '“20240102” is a number, and other cells of the column are dates.',
    ]);
  });

  it('that do not exist are refused', () => {
    for (const text of ['2024-13-01', '2023-02-29', '2024-01-01 25:00', '32 Jan 2024', 'yesterday', '2024-01-01 13:00 pm'])
      expect(read(text), text).toEqual([expect.stringContaining('is no date that exists') as string]);
  });
});

describe('a split by a column', () => {
  it('knows the usual words for parts', () => {
    const words = {
      train: ['train', 'TRAINING ', 'train-00000-of-00002', 'train.jsonl'],
      heldOut: ['val', 'valid', 'Validation', 'dev', 'development', 'eval', 'evaluation', 'held-out', 'validation_matched'],
      test: ['test', 'Testing', 'test_mismatched', 'my test set'],
    } as const;
    for (const part of ['train', 'heldOut', 'test'] as const)
      for (const word of words[part]) expect(partNamed(word), word).toBe(part);
    for (const word of ['', 'unsupervised', '3', 'train or test', 'contest', 'trainee']) expect(partNamed(word), word).toBeNull();
  });

  it('takes each row where its cell says, whatever the shares are', () => {
    const cells = fc.array(fc.constantFrom('train', 'Train', 'dev', 'test'), { maxLength: 60 });
    const property = fc.property(cells, shares, (middle, some) => {
      const texts = ['train', ...middle, 'dev', 'test'];
      const parts = split(texts, byColumn, some);
      expect(parts).toEqual(texts.map((text) => PART[partNamed(text) ?? 'train']));
    });
    fc.assert(property);
  });

  it('draws a part that no cell names from the rows for training', () => {
    const texts = [...Array<string>(20).fill('train'), ...Array<string>(5).fill('test')];
    const parts = split(texts, byColumn, { heldOutRatio: 0.1, testRatio: 0.3, seed: 4 });
    expect(rowsIn(parts, 'test')).toEqual([20, 21, 22, 23, 24]);
    expect(rowsIn(parts, 'heldOut').length).toBe(2);
    expect(Math.max(...rowsIn(parts, 'heldOut'))).toBeLessThan(20);
    expect(rowsIn(split(texts, byColumn, none), 'heldOut')).toEqual([]);
  });

  it('refuses other words, with lines, and data without a row for training', () => {
    const error = failureOf(() => split(['train', 'fold 3', 'test', ''], byColumn, none));
    expect(error.message).toMatch(/^2 cells of “set” can't be read as a part\. For example line 3: “fold 3” names no part\./);
    expect(error.problems).toEqual([
      { where: 'line 3', message: '“fold 3” names no part.' },
      { where: 'line 5', message: 'The cell is empty.' },
    ]);
    expect(failureOf(() => split(['test', 'dev'], byColumn, none)).message).toMatch(
      /^No row says “train” in “set”: it has “test”, “dev”/,
    );
  });
});
