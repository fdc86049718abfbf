/** When measurements end a run: the rule beside that of transformers, its limits, and runs that are not to be cut. */

import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import type { EvalRow } from '../../src/checkpoint/types';
import { betterOf } from '../../src/metric/monitor';
import { MONITORS, monitorsOf } from '../../src/recipe/monitors';
import { learnsFromRewards, OBJECTIVE_SCHEMAS, type ObjectiveKind } from '../../src/recipe/objectives';
import { defaultRecipe } from '../../src/recipe/recipe';
import { courseOf, earlyStop, isBestAt, type StopRule } from '../../src/train/stopping';
import { MONITOR_NAMES } from '../../src/ui/charts/metric-names';
import { reportsOf } from '../../src/ui/charts/reports';
import { randomFloats } from '../random';

const rule: StopRule = { monitor: 'loss', patience: 3, minDelta: 0, warmupRatio: 0 };
/** Measurements every `every` steps. */
const evals = (losses: readonly number[], every = 10): EvalRow[] => losses.map((loss, i) => ({ step: every * (i + 1), loss }));

/** Why a run with these measurements ends: it is asked after each, until it ends. */
function endOf(all: readonly EvalRow[], totalSteps: number, own: Partial<StopRule> = {}) {
  const at = all.findIndex((_, i) => earlyStop({ ...rule, ...own }, all.slice(0, i + 1), totalSteps) !== null);
  return at < 0 ? null : earlyStop({ ...rule, ...own }, all.slice(0, at + 1), totalSteps);
}

interface Case {
  readonly values: readonly number[];
  readonly patience: number;
  readonly greater: boolean;
  readonly at: number | null;
  readonly best: number;
}

test('waits as long as EarlyStoppingCallback of transformers does, with the same best measurement', () => {
  const text = readFileSync(new URL('fixtures/early-stopping.json', import.meta.url), 'utf8');
  const cases = JSON.parse(text) as readonly Case[];
  expect(cases.filter(({ at }) => at !== null).length).toBeGreaterThan(20);
  for (const { values, patience, greater, at, best } of cases) {
    const own = { monitor: greater ? 'accuracy' : 'loss', minDelta: 0 } as const;
    const rows = values.map((value, i): EvalRow => ({ step: i + 1, loss: greater ? 0 : value, metrics: { accuracy: value } }));
    const found = rows.findIndex((_, i) => (courseOf(own, rows.slice(0, i + 1))?.waited ?? 0) >= patience);
    expect({ values, found }).toEqual({ values, found: at ?? -1 });
    const seen = rows.slice(0, at === null ? rows.length : at + 1);
    expect(courseOf(own, seen)?.best).toEqual({ step: best + 1, value: values[best] });
    expect(seen.filter((row) => isBestAt(row.step, seen, own)).map(({ step }) => step)).toEqual([best + 1]);
  }
});

describe('a run ends', () => {
  const rising = [2, 1.5, 1.2, 1.3, 1.4, 1.5, 1.6];

  it('after its patience, and says why', () => {
    const end = { step: 60, monitor: 'loss', value: 1.5, best: { step: 30, value: 1.2 }, waited: 3 };
    expect(endOf(evals(rising), 100)).toEqual(end);
    expect(endOf(evals(rising), 100, { patience: 4 })).toMatchObject({ step: 70, waited: 4 });
  });

  it('never with a patience of 0, at its last step, or when it is short', () => {
    expect(endOf(evals(rising), 100, { patience: 0 })).toBeNull();
    expect(endOf(evals(rising).slice(0, 6), 60)).toBeNull();
    expect(endOf(evals(rising, 3), 29)).toBeNull();
    expect(endOf(evals(rising, 3), 30)).toMatchObject({ step: 18 });
  });

  it('not before its warm-up and a share of its steps', () => {
    const worse = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    expect(endOf(evals(worse), 100)).toMatchObject({ step: 40, best: { step: 10 } });
    expect(endOf(evals(worse), 200)).toMatchObject({ step: 40 });
    expect(endOf(evals(worse), 200, { warmupRatio: 0.2 })).toMatchObject({ step: 80 });
  });

  it('not before a tenth of its steps brought no improvement, however often it is measured', () => {
    const often = evals([3, 2, 1, ...Array<number>(60).fill(1)], 1);
    const late = often.map((row) => ({ ...row, step: row.step + 200 }));
    expect(endOf(late, 400)).toMatchObject({ step: 243, best: { step: 203 }, waited: 40 });
  });

  it('when gains are smaller than those that count, and not while they add up to one', () => {
    const slow = evals([2, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2]);
    expect(endOf(slow, 100, { minDelta: 0.15 })).toBeNull();
    expect(endOf(slow, 100, { minDelta: 0.35 })).toMatchObject({ step: 40, best: { step: 40, value: 1.7 } });
  });

  it('by a metric in its own direction; measurements that lack it are left out', () => {
    const rows = evals([2, 1.9, 1.8, 1.7, 1.6, 1.5]).map((row, i) => ({
      ...row,
      metrics: { macroF1: [0.5, 0.9, 0.8, 0.8, 0.7, 0.6][i] ?? 0 },
    }));
    const all = [{ step: 0, loss: 3 }, ...rows];
    expect(endOf(all, 100, { monitor: 'macroF1' })).toMatchObject({ step: 50, value: 0.7, best: { step: 20, value: 0.9 } });
    expect(endOf(all, 100, { monitor: 'auroc' })).toBeNull();
    expect(isBestAt(20, all, { monitor: 'macroF1' })).toBe(true);
    expect(isBestAt(60, all, { monitor: 'loss' })).toBe(true);
  });

  it('when its losses are no numbers, and counts the first one that is', () => {
    expect(endOf(evals([NaN, NaN, NaN, NaN]), 100)).toMatchObject({ step: 40 });
    expect(endOf(evals([NaN, NaN, 2, NaN, NaN, 1.9]), 100)).toBeNull();
  });

  it('with the base as the best measurement, which is no step to keep', () => {
    const all = [{ step: 0, loss: 1 }, ...evals([2, 1.9, 2.1, 2.2, 2.3, 2.4])];
    expect(endOf(all, 100)).toMatchObject({ step: 30, best: { step: 0, value: 1 } });
    expect(isBestAt(20, all, rule)).toBe(true);
  });
});

describe('with the default patience', () => {
  const own = defaultRecipe();
  const runs = Array.from({ length: 60 }, (_, seed) => seed + 1);
  /** Ten measurements of `curve` with noise of 1 %, in 60 runs. */
  const noisy = (curve: (i: number) => number) =>
    runs.map((seed) => endOf(evals([...randomFloats(18, seed)].slice(8).map((x, i) => curve(i) * (1 + 0.016 * x))), 100, own));

  it('a run that still learns is never ended', () => {
    expect(noisy((i) => 3.4 + 1.4 * 0.7 ** i).filter((end) => end !== null)).toEqual([]);
    // Learns fast, stands still for a third of the run, and gains again as the learning rate falls.
    const late = [3, 2.4, 2.2, 2.21, 2.2, 2.205, 2.19, 2.1, 2.0, 1.95];
    expect(noisy((i) => late[i] ?? 0).filter((end) => end !== null)).toEqual([]);
  });

  it('a run that overfits is ended, with its best step near the minimum', () => {
    const ends = noisy((i) => 3.4 + 0.2 * Math.abs(i - 2));
    expect(ends.filter((end) => end !== null).length).toBe(60);
    for (const end of ends) expect([20, 30, 40]).toContain(end?.best.step);
  });
});

describe('what may judge a run', () => {
  const kinds = Object.keys(OBJECTIVE_SCHEMAS) as ObjectiveKind[];

  it.each(kinds)('%s: the loss first, and all that its charts show, in the direction that they have', (kind) => {
    const monitors = monitorsOf(kind);
    expect(monitors[0]).toBe('loss');
    expect(new Set(monitors).size).toBe(monitors.length);
    // Their loss is the mean reward, with the opposite sign.
    if (learnsFromRewards(kind)) {
      expect(monitors).toEqual(['loss']);
      return;
    }
    // The divergence from the base is least before training.
    for (const { key, better } of reportsOf(kind).filter((report) => report.key !== 'kl')) {
      expect(monitors).toContain(key);
      expect(MONITORS.filter((one) => one === key).map(betterOf)).toEqual([better]);
    }
    for (const monitor of monitors) expect(MONITOR_NAMES[monitor]).toMatch(/\S/);
  });
});
