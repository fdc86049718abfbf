import { expect, test } from 'vitest';
import { FirstStepWatch } from '../../src/state/first-step';

test('the phases add up to the time to the first step', () => {
  const watch = new FirstStepWatch(1000);
  watch.enter('tokens', 1000);
  watch.enter('model', 1250);
  watch.enter('kernels', 2000);
  watch.enter('kernels', 2400);
  const { seconds, laps } = watch.end(3000);
  expect(seconds).toBe(2);
  expect(laps).toEqual([
    { phase: 'tokens', seconds: 0.25 },
    { phase: 'model', seconds: 0.75 },
    { phase: 'kernels', seconds: 1 },
  ]);
});
