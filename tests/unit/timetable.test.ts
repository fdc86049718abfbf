/** How long a run takes, before it starts and while it is under way. */

import { describe, expect, it } from 'vitest';
import { secondsOf, type Effort } from '../../src/graph/pace';
import { parseRecipe } from '../../src/recipe/recipe';
import { cadenceOf } from '../../src/train/cadence';
import { solve } from '../../src/train/pace';
import { costsOf, forecastSeconds, timesOf, Timetable, type Costs } from '../../src/train/timetable';

/** An effort that takes so many seconds at `pace`. */
const seconds = (flops: number) => ({ flops, bytes: 0, nodes: 0, runs: 0 });
const pace = { flops: 1, bytes: 1, node: 1 };
const costs: Costs = { step: seconds(2), base: seconds(10), measurement: seconds(12), sampling: seconds(5), saving: seconds(0) };

/** What a run with these intervals does in each of its steps, by playing it. */
function played(every: { evaluate: number; sample: number; save: number }, total: number, from: number) {
  const times = { step: 0, base: 0, measurement: 0, sampling: 0, saving: 0 };
  for (let step = from; step <= total; step++) {
    if (step > from) times.step++;
    const due = (interval: number) => step > 0 && (step % interval === 0 || step === total);
    if (due(every.evaluate)) times.measurement++;
    if (due(every.sample)) times.sampling++;
    if (due(every.save)) times.saving++;
  }
  return times;
}

describe('what is left of a run', () => {
  const every = { evaluate: 7, sample: 10, save: 3 };

  it.each([0, 1, 6, 7, 8, 20, 39, 40])('after step %i of 40 is what the run then does', (step) => {
    expect(timesOf(every, 40, step, false)).toEqual(played(every, 40, step));
  });

  it('has the measurement of the base while that is not known', () => {
    expect(timesOf(every, 40, 0, true).base).toBe(1);
  });
});

it('the forecast of a run is the time of all that it does', () => {
  const recipe = parseRecipe({ evalEvery: 10, sampleEvery: 20, saveEvery: 5 });
  expect(forecastSeconds(costs, recipe, 40, pace)).toBeCloseTo(40 * 2 + 10 + 4 * 12 + 2 * 5 + 8 * 0.08, 9);
});

it('samples cost their prompts and their tokens, and a classifier writes none', () => {
  const one = { flops: 1, bytes: 0, nodes: 0, runs: 0 };
  const efforts = { step: one, evaluate: one, evaluateBase: one, decode: { prompt: seconds(100), token: one } };
  const recipe = parseRecipe({ samplePrompts: ['a', 'b', 'c'] });
  expect(costsOf(efforts, recipe, 4).sampling.flops).toBe(3 * 2 * 100 + 48);
  expect(costsOf(efforts, recipe, 4).measurement.flops).toBe(4);
  expect(costsOf({ ...efforts, decode: null, evaluateBase: null }, recipe, 4)).toMatchObject({
    sampling: seconds(0),
    base: seconds(0),
  });
});

describe('a timetable', () => {
  const cadence = { evaluate: 10, sample: 10, save: 10 };
  const table = () => new Timetable(costs, cadence, 40, true, pace);

  it('scales what was not done yet by the time of a step', () => {
    const timetable = table();
    timetable.took('step', 6);
    // Three times as slow as forecast: 39 steps, the base, four measurements, four samplings.
    expect(timetable.left(1)).toBeCloseTo(3 * (39 * 2 + 10 + 4 * 12 + 4 * 5) + 4 * 0.08, 9);
  });

  it('leaves out the first step once there is another, and takes the time of the base for measurements', () => {
    const timetable = table();
    timetable.took('step', 60);
    timetable.took('base', 5);
    timetable.took('step', 2);
    timetable.took('step', 4);
    expect(timetable.left(3)).toBeCloseTo(37 * 3 + 4 * 6 + 4 * (5 / 2) * 3 + 4 * 0.08, 9);
  });

  it('takes what each activity took, and comes to nothing at the end', () => {
    const timetable = table();
    for (let step = 1; step <= 40; step++) {
      timetable.took('step', 1);
      if (step === 1) timetable.took('base', 1);
      if (step % 10 !== 0) continue;
      timetable.took('measurement', 8);
      timetable.took('sampling', 3);
      timetable.took('saving', 0.5);
    }
    expect(timetable.left(40)).toBeCloseTo(8 + 3 + 0.5, 9);
    expect(timetable.left(31)).toBeCloseTo(9 + 8 + 3 + 0.5, 9);
  });
});

it('a run without intervals in its recipe measures ten times', () => {
  expect(cadenceOf(parseRecipe({}), 225)).toEqual({ evaluate: 23, sample: 23, save: 23 });
});

describe('the pace of a device', () => {
  const narrow = { flops: 1.8e8, bytes: 2.3e7, nodes: 315, runs: 0 };
  const middle = { flops: 2.8e9, bytes: 9.1e7, nodes: 107, runs: 0 };
  const wide = { flops: 1.1e10, bytes: 2.2e8, nodes: 107, runs: 0 };

  it('is that with which the steps take as long as they did', () => {
    const known = { flops: 1.3e11, bytes: 5.6e9, node: 2e-6 };
    const timed = (effort: Effort) => ({ effort, seconds: secondsOf(effort, known) });
    const { flops, bytes, node } = solve(timed(narrow), timed(middle), timed(wide));
    expect([flops / known.flops, bytes / known.bytes, node / known.node].map((ratio) => ratio.toFixed(6))).toEqual([
      '1.000000',
      '1.000000',
      '1.000000',
    ]);
  });

  it('is never negative, whatever the noise', () => {
    const { flops, bytes, node } = solve(
      { effort: narrow, seconds: 1e-4 },
      { effort: middle, seconds: 0.09 },
      { effort: wide, seconds: 0.1 },
    );
    expect(flops).toBeCloseTo(1.1e10 / 0.07, -6);
    expect(bytes).toBeCloseTo(2.2e8 / 0.03, -6);
    expect(node).toBe(0);
  });
});
