/** Which rows of a list are in sight, for lists that fit under a scroll bar and for those that do not. */

import { describe, expect, it } from 'vitest';
import { contentHeight, rowAfter, ROW_HEIGHT, rowsInSight, scrollTo } from '../../src/ui/data/row-window';

describe.each([0, 1, 12, 1000, 1_000_000, 50_000_000])('a list of %i rows', (count) => {
  const pane = { count, height: 390 };
  const most = Math.max(0, contentHeight(pane) - pane.height);

  it('is no higher than browsers allow, and shows its first and last rows at the ends', () => {
    expect(contentHeight(pane)).toBeLessThanOrEqual(15_000_000);
    expect(rowsInSight(pane, 0)).toMatchObject({ first: 0, top: 0 });
    const end = rowsInSight(pane, most);
    expect(end.last).toBe(count - 1);
    // The last row ends where the content ends.
    expect(end.top + (end.last - end.first + 1) * ROW_HEIGHT).toBeCloseTo(contentHeight(pane), 3);
  });

  it('covers the pane with rows wherever it is scrolled to', () => {
    for (const share of [0, 0.123, 0.5, 0.999, 1]) {
      const scrolled = most * share;
      const { first, last, top } = rowsInSight(pane, scrolled);
      expect(top).toBeLessThanOrEqual(scrolled);
      const bottom = top + (last - first + 1) * ROW_HEIGHT;
      expect(bottom).toBeGreaterThanOrEqual(Math.min(scrolled + pane.height, contentHeight(pane)) - 1e-3);
      expect(last - first).toBeLessThan(40);
    }
  });

  it('scrolls as little as brings a row into sight', () => {
    for (const row of [0, 5, Math.floor(count / 2), count - 1].filter((at) => at >= 0 && at < count)) {
      for (const before of [0, most / 3, most]) {
        const scrolled = scrollTo(pane, before, row);
        expect(scrolled).toBeGreaterThanOrEqual(0);
        expect(scrolled).toBeLessThanOrEqual(most + 1e-6);
        const { first, top } = rowsInSight(pane, scrolled);
        const start = top + (row - first) * ROW_HEIGHT;
        expect(start).toBeGreaterThanOrEqual(scrolled - 1e-3);
        expect(start + ROW_HEIGHT).toBeLessThanOrEqual(scrolled + pane.height + 1e-3);
        expect(scrollTo(pane, scrolled, row)).toBeCloseTo(scrolled, 6);
      }
    }
  });
});

it('moves by keys within the list', () => {
  const pane = { count: 100, height: 320 };
  expect(rowAfter('ArrowDown', 3, pane)).toBe(4);
  expect(rowAfter('ArrowUp', 0, pane)).toBe(0);
  expect(rowAfter('PageDown', 3, pane)).toBe(12);
  expect(rowAfter('PageUp', 3, pane)).toBe(0);
  expect(rowAfter('End', 3, pane)).toBe(99);
  expect(rowAfter('Home', 3, pane)).toBe(0);
  expect(rowAfter('a', 3, pane)).toBeNull();
  expect(rowAfter('ArrowDown', 0, { count: 0, height: 320 })).toBe(0);
});
