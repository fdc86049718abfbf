import { describe, expect, it } from 'vitest';
import type { Curve } from '../../src/ui/charts/curve';
import * as figures from '../../src/ui/charts/figures';
import { summarise, tableRows, valueAt } from '../../src/ui/charts/table';

const curve = (label: string, kind: Curve['kind'], xs: number[], ys: number[]): Curve => ({
  label,
  kind,
  ink: '--ink',
  points: { xs, ys },
});
const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
const training = curve(
  'training',
  'line',
  hundred,
  hundred.map((x) => 5 - x / 50),
);
const heldOut = curve('held-out', 'marks', [0, 33, 67], [5, 4, 3.5]);

describe('the table of a chart', () => {
  it('has few rows, both ends, and every measurement', () => {
    const rows = tableRows([training, heldOut], 10);
    expect(rows.length).toBeLessThanOrEqual(13);
    expect(rows.map((r) => r.x)).toEqual(expect.arrayContaining([0, 1, 33, 67, 100]));
    expect(rows.find((r) => r.x === 33)?.cells).toEqual([expect.closeTo(4.34), 4]);
    expect(rows.find((r) => r.x === 0)?.cells).toEqual([null, 5]);
  });
  it('is empty without points', () => expect(tableRows([curve('x', 'line', [], [])], 10)).toEqual([]));
});

describe('the summary of a chart', () => {
  const write = (y: number): string => y.toFixed(1);
  const writeX = (x: number): string => `step ${x}`;
  it('has the first, last and lowest value of each curve, except raw ones', () => {
    const text = summarise([curve('raw', 'faint', [1], [1]), training, heldOut], write, writeX);
    expect(text).toBe(
      'training: from 5.0 at step 1 to 3.0 at step 100; lowest 3.0 at step 100. held-out: from 5.0 at step 0 to 3.5 at step 67; lowest 3.5 at step 67.',
    );
  });
  it('says that there are no values yet', () => expect(summarise([], write, writeX)).toBe('No values yet.'));
});

describe('valueAt', () => {
  it('reads the nearest point, or the newest', () => {
    expect(valueAt(heldOut.points, 40)).toBe(4);
    expect(valueAt(heldOut.points, null)).toBe(3.5);
    expect(valueAt({ xs: [], ys: [] }, 3)).toBeNull();
  });
});

describe('figures', () => {
  it('writes losses, rates and learning rates', () => {
    expect([figures.loss(2.34567), figures.loss(null), figures.loss(NaN), figures.loss(1234.5678)]).toEqual([
      '2.346',
      '–',
      'not a number',
      '1234.6',
    ]);
    expect([figures.learningRate(2e-4), figures.learningRate(0)]).toEqual(['2.00e-4', '0']);
    expect([figures.rate(3.14159), figures.rate(12345.6)]).toEqual(['3.1', '12,346']);
  });
  it('writes durations', () => {
    expect([0.4, 59.4, 65, 3605, 7620, Infinity].map(figures.duration)).toEqual([
      '0 s',
      '59 s',
      '1 min 05 s',
      '1 h 00 min',
      '2 h 07 min',
      '–',
    ]);
  });
  it('labels axes with few digits', () => {
    expect([0, 0.5, 2.5, 1500, 2e-4, 1.975e-4, 1e5].map(figures.axisLabel)).toEqual([
      '0',
      '0.5',
      '2.5',
      '1500',
      '2e-4',
      '1.975e-4',
      '1e5',
    ]);
  });
});
