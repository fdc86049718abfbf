/** The test of independence against SciPy, the pooling of rare values, and what is said of columns. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Look } from '../../src/dataset/look';
import type { BiasCheck } from '../../src/dataset/look/answers';
import { chiSquaredTail, independence } from '../../src/dataset/look/chi-squared';
import { pooled } from '../../src/dataset/look/pooling';
import { openDataset } from '../../src/dataset/dataset';

interface Fixtures {
  readonly tails: readonly { readonly statistic: number; readonly freedom: number; readonly p: number }[];
  readonly tables: readonly {
    readonly counts: readonly (readonly number[])[];
    readonly statistic: number;
    readonly freedom: number;
    readonly p: number;
    readonly v: number;
  }[];
}

const SCIPY = JSON.parse(readFileSync(new URL('./fixtures/chi-squared.json', import.meta.url), 'utf8')) as Fixtures;

describe('the chi-squared test', () => {
  it('has the tails of SciPy', () => {
    for (const { statistic, freedom, p } of SCIPY.tails) {
      expect(Math.abs(chiSquaredTail(statistic, freedom) / p - 1), `${statistic} of ${freedom}`).toBeLessThan(1e-9);
    }
    expect(chiSquaredTail(0, 3)).toBe(1);
  });

  it('has the statistic, p-value and effect size of SciPy', () => {
    for (const { counts, ...expected } of SCIPY.tables) {
      const found = independence(counts);
      expect(found.freedom).toBe(expected.freedom);
      for (const key of ['statistic', 'p', 'v'] as const) {
        const scale = Math.max(Math.abs(expected[key]), 1e-290);
        expect(Math.abs(found[key] - expected[key]) / scale, key).toBeLessThan(1e-9);
      }
    }
  });
});

it('pools rare rows and columns until every expected count is 5, and loses none', () => {
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const size = fc.tuple(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 2, max: 8 }));
  const table = size.chain(([rows, columns]) =>
    fc.array(fc.array(fc.integer({ min: 0, max: 60 }), { minLength: columns, maxLength: columns }), {
      minLength: rows,
      maxLength: rows,
    }),
  );
  fc.assert(
    fc.property(table, (counts) => {
      const named = {
        rows: counts.map((_, at) => `r${at}`),
        columns: (counts[0] ?? []).map((_, at) => `c${at}`),
        counts,
      };
      const found = pooled(named);
      if (found === null) return;
      const all = sum(counts.flat());
      expect(sum(found.counts.flat())).toBe(all);
      const columns = found.columns.map((_, at) => sum(found.counts.map((row) => row[at] ?? 0)));
      for (const row of found.counts) for (const column of columns) expect((sum(row) * column) / all).toBeGreaterThanOrEqual(5);
      // What has its name still has its counts.
      found.rows.forEach((row, at) =>
        found.columns.forEach((column, across) => {
          if (row === null || column === null) return;
          expect(found.counts[at]?.[across]).toBe(counts[Number(row.slice(1))]?.[Number(column.slice(1))]);
        }),
      );
      expect(found.rows.filter((name) => name === null).length).toBeLessThanOrEqual(1);
    }),
  );
  const rare = { rows: ['a', 'b', 'c', 'd'], columns: ['x', 'y'], counts: [[90, 80], [70, 90], [3, 1], [1, 2]] }; // prettier-ignore
  expect(pooled(rare)?.rows).toEqual(['a', null]);
  expect(pooled({ rows: ['a', 'b'], columns: ['x', 'y'], counts: [[2, 3], [4, 1]] })).toBeNull(); // prettier-ignore
});

async function check(rows: readonly string[]): Promise<BiasCheck> {
  const dataset = await openDataset('rows.csv', new File([['text,label,country,day', ...rows].join('\n')], 'rows.csv'));
  for (let look = new Look(); ;) {
    const { answer, done } = await look.ask(dataset, { kind: 'bias', source: 'file' });
    if (done && answer !== null) return answer;
  }
}

describe('a column', () => {
  const rows = (count: number, country: (i: number, billing: boolean) => string): string[] =>
    Array.from({ length: count }, (_, i) => {
      const billing = i % 2 === 0;
      return `This is text number ${i},${billing ? 'Billing' : 'Refund'},${country(i >> 1, billing)},${i % 7}`;
    });

  it('that goes with the label is found, with the value that differs most', async () => {
    const found = await check(rows(1000, (i, billing) => (i % 5 < (billing ? 4 : 1) ? 'DE' : 'FR')));
    const [country, day] = found.columns;
    expect(found).toMatchObject({ reason: null, rows: 1000 });
    expect(country).toMatchObject({ column: 2, verdict: 'strong' });
    expect(country?.contrast).toEqual({
      value: 'DE',
      high: { group: 'Billing', share: 0.8 },
      low: { group: 'Refund', share: 0.2 },
    });
    expect(country?.test?.v).toBeCloseTo(0.6, 9);
    expect(day).toMatchObject({ column: 3, verdict: 'chance', contrast: null });
  });

  it('that differs a little in many rows is not called biased', async () => {
    const found = await check(rows(8000, (i, billing) => (i % 100 < (billing ? 53 : 48) ? 'DE' : 'FR')));
    expect(found.columns[0]).toMatchObject({ column: 2, verdict: 'slight' });
    expect(found.columns[0]?.test?.p).toBeLessThan(1e-4);
  });

  it('with too few rows is not judged', async () => {
    const found = await check(rows(12, (i) => (i % 2 === 0 ? 'DE' : 'FR')));
    expect(found.columns.map(({ verdict }) => verdict)).toEqual(['few']);
  });

  it('is compared only where there are labels', async () => {
    const dataset = await openDataset('rows.csv', new File(['text\nOne text here\nAnother text there'], 'rows.csv'));
    const { answer, done } = await new Look().ask(dataset, { kind: 'bias', source: 'file' });
    expect(done).toBe(true);
    expect(answer).toEqual({ reason: 'no labels', rows: 0, columns: [] });
  });
});

it('compares the parts of a split, the label too, and no others', async () => {
  const rows = Array.from(
    { length: 600 },
    (_, i) => `Text number ${i},${i % 2 === 0 ? 'a' : 'b'},${i < 450 ? 'DE' : 'FR'},${i % 3}`,
  );
  const dataset = await openDataset('rows.csv', new File([['text,label,country,day', ...rows].join('\n')], 'rows.csv'));
  const look = new Look();
  const parts = new Map(rows.map((_, i) => [i + 2, i < 300 ? 'train' : i < 590 ? 'heldOut' : 'none']));
  const key = look.markParts(dataset, new Map([...parts].filter(([, part]) => part !== 'none')));
  const { answer, done } = await look.ask(dataset, { kind: 'parts', source: 'cleaned', key });
  expect(done).toBe(true);
  expect(answer?.rows).toBe(590);
  expect(answer?.columns.map(({ column, verdict }) => [column, verdict])).toEqual([
    [2, 'strong'],
    [3, 'chance'],
    [1, 'chance'],
  ]);
  expect(answer?.columns[0]?.contrast).toEqual({
    value: 'DE',
    high: { group: 'train', share: 1 },
    low: { group: 'heldOut', share: 150 / 290 },
  });
  const other = await look.ask(dataset, { kind: 'parts', source: 'cleaned', key: `${key}0` });
  expect(other.answer?.reason).toBe('no parts');
});
