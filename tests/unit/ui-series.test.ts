import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  align,
  cut,
  finitePoints,
  nearest,
  panned,
  smooth,
  spread,
  thin,
  ticks,
  timeTicks,
  within,
  xExtent,
  yRange,
  zoomed,
} from '../../src/ui/charts/series';

const numbered = (ys: number[]) => ({ xs: ys.map((_, i) => i + 1), ys });

describe('smooth', () => {
  it('starts at the first value and keeps a constant constant', () => {
    expect(smooth(numbered([3]), 0.9).ys).toEqual([expect.closeTo(3, 12)]);
    for (const y of smooth(numbered([2, 2, 2, 2]), 0.9).ys) expect(y).toBeCloseTo(2, 12);
  });
  it('is the weighted mean of the values so far', () => {
    const [, second] = smooth(numbered([1, 4]), 0.5).ys;
    expect(second).toBeCloseTo((0.25 * 1 + 0.5 * 4) / 0.75, 12);
  });
  it('changes nothing at weight 0', () => expect(smooth(numbered([5, 1, 9]), 0).ys).toEqual([5, 1, 9]));
  it('stays between the lowest and highest value', () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 0.999, noNaN: true }), (ys, weight) => {
        const slack = 1e-6 * Math.max(1, ...ys.map(Math.abs));
        for (const y of smooth(numbered(ys), weight).ys) {
          expect(y).toBeGreaterThanOrEqual(Math.min(...ys) - slack);
          expect(y).toBeLessThanOrEqual(Math.max(...ys) + slack);
        }
      }),
    );
  });
});

describe('ranges', () => {
  it('drops NaN and infinity', () => {
    expect(finitePoints([1, 2, 3, 4], [1, NaN, Infinity, 2])).toEqual({ xs: [1, 4], ys: [1, 2] });
  });
  it('shows every value, and clips a spike when asked', () => {
    const values = [...Array.from({ length: 99 }, (_, i) => 2 + i / 100), 500];
    expect(yRange(values, { log: false, clip: false })[1]).toBeGreaterThan(500);
    expect(yRange(values, { log: false, clip: true })[1]).toBeLessThan(20);
  });
  it('does not clip values that are always shown', () => {
    const values = Array.from({ length: 100 }, () => 2);
    expect(yRange(values, { log: true, clip: true }, [9])[1]).toBeGreaterThan(9);
    expect(yRange([], { log: false, clip: true }, [4, 5])).toEqual([expect.closeTo(3.92), expect.closeTo(5.08)]);
  });
  it('does not extend below zero for positive values', () => expect(yRange([0.1, 4], { log: false, clip: false })[0]).toBe(0));
  it('has a range for one value and for none', () => {
    for (const values of [[], [2], [0]])
      for (const log of [false, true]) {
        const [low, high] = yRange(values, { log, clip: true });
        expect(high).toBeGreaterThan(low);
        if (log) expect(low).toBeGreaterThan(0);
      }
  });
  it('includes the values inside the zoom', () => expect(within(numbered([7, 8, 9]), [2, 3])).toEqual([8, 9]));
  it('spans all curves', () => {
    expect(xExtent([numbered([1, 1]), { xs: [0, 9], ys: [1, 1] }])).toEqual([0, 9]);
    expect(xExtent([{ xs: [5], ys: [1] }])).toEqual([5, 6]);
    expect(xExtent([])).toBeNull();
  });
});

describe('zoom', () => {
  it('zooms in around the centre, and out to the whole range', () => {
    expect(zoomed([0, 100], [0, 100], 0.5)).toEqual([25, 75]);
    expect(zoomed([25, 75], [0, 100], 2)).toBeNull();
    expect(zoomed([0, 50], [0, 100], 0.5, 0)).toEqual([0, 25]);
  });
  it('pans inside the data', () => {
    expect(panned([25, 75], [0, 100], 0.1)).toEqual([30, 80]);
    expect(panned([25, 75], [0, 100], 9)).toEqual([50, 100]);
    expect(panned([25, 75], [0, 100], -9)).toEqual([0, 50]);
  });
});

describe('thin', () => {
  it('keeps the ends, the extremes and the order', () => {
    const ys = Array.from({ length: 5000 }, (_, i) => Math.sin(i / 50));
    ys[1234] = 40;
    ys[4321] = -40;
    const kept = thin(numbered(ys), 400);
    expect(kept.xs.length).toBeLessThanOrEqual(402);
    expect([kept.xs[0], kept.xs.at(-1)]).toEqual([1, 5000]);
    expect(Math.max(...kept.ys)).toBe(40);
    expect(Math.min(...kept.ys)).toBe(-40);
    expect([...kept.xs].sort((a, b) => a - b)).toEqual(kept.xs);
  });
  it('does not change short curves', () => {
    const short = numbered([1, 2, 3]);
    expect(thin(short, 3)).toBe(short);
  });
});

describe('cut', () => {
  it('keeps the points in the range and one on either side', () => {
    const points = numbered([1, 2, 3, 4, 5, 6]);
    expect(cut(points, [2.5, 4]).xs).toEqual([2, 3, 4, 5]);
    expect(cut(points, [-5, 0.5]).xs).toEqual([1, 2]);
    expect(cut(points, null)).toBe(points);
  });
});

describe('align', () => {
  it('joins on x with nulls in the gaps', () => {
    const joined = align([numbered([1, 2]), { xs: [0, 2], ys: [9, 8] }]);
    expect(joined).toEqual([
      [0, 1, 2],
      [null, 1, 2],
      [9, null, 8],
    ]);
  });
});

describe('spread and nearest', () => {
  it('spreads evenly with both ends', () => {
    expect(spread(3, 10)).toEqual([0, 1, 2]);
    expect(spread(101, 3)).toEqual([0, 50, 100]);
  });
  it('agrees with a plain search', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 1 }),
        fc.integer({ min: -60, max: 60 }),
        (values, x) => {
          const xs = values.sort((a, b) => a - b);
          const best = Math.min(...xs.map((v) => Math.abs(v - x)));
          expect(Math.abs((xs[nearest(xs, x)] ?? NaN) - x)).toBe(best);
        },
      ),
    );
    expect(nearest([], 1)).toBe(-1);
  });
});

describe('ticks', () => {
  it('are round numbers inside the range', () => {
    expect(ticks(0, 10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(ticks(2.13, 2.71, 4)).toEqual([2.2, 2.4, 2.6]);
    expect(ticks(0, 2e-4, 4)).toEqual([0, 0.00005, 0.0001, 0.00015, 0.0002]);
  });
  it('are decades on a wide log axis, round steps on a narrow one', () => {
    expect(ticks(0.05, 2000, 6, true)).toEqual([0.1, 1, 10, 100, 1000]);
    expect(ticks(2, 4, 4, true)).toEqual([2, 2.5, 3, 3.5, 4]);
  });
  it('are round times on an axis of seconds', () => {
    expect(timeTicks(0, 200, 4)).toEqual([0, 60, 120, 180]);
    expect(timeTicks(100, 4000, 3)).toEqual([1800, 3600]);
    expect(timeTicks(0, 400_000, 2)).toEqual([0, 259_200]);
    expect(timeTicks(0, 1, 4)).toEqual([0, 0.5, 1]);
  });
  it('are few for every range', () => {
    const end = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(end, end, fc.boolean(), (a, b, log) => {
        expect(ticks(a, a + b, 5, log).length).toBeLessThan(15);
      }),
    );
  });
});
