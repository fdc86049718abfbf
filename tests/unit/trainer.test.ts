/** What the loop of a run makes of steps whose figures are no numbers. */

import { expect, test } from 'vitest';
import type { Batch } from '../../src/batch/types';
import type { HeldOut, StepResult } from '../../src/train/session';
import { train } from '../../src/train/trainer';
import type { StepRow } from '../../src/train/types';

const good: Omit<StepResult, 'step'> = { loss: 2, gradNorm: 0.5, learningRate: 1e-3, tokens: 100 };
const halves = { ...good, lossScale: 2 ** 16 };

/** Trains through steps with these figures; the rows that were told, and the error that ended it. */
async function rowsOf(steps: readonly Omit<StepResult, 'step'>[]) {
  const rows: StepRow[] = [];
  const session = {
    step: 0,
    totalSteps: steps.length,
    advance(): Promise<StepResult> {
      return Promise.resolve({ ...(steps[this.step] ?? good), step: ++this.step });
    },
    evaluate: () => Promise.resolve(1),
  };
  const nothing = () => Promise.resolve();
  const error = await train(
    {
      session,
      source: {
        batch: () => {
          throw new Error('no batch is asked for');
        },
      },
      ...{ heldOut: [], cadence: { evaluate: 100, save: 100, sample: 100 }, epochAt: (step) => step / 10 },
      ...{ secondsBefore: 0, baseUnknown: false },
    },
    {
      ...{ onStep: (row) => rows.push(row), onEval: nothing, onBase: nothing, save: nothing, sample: nothing },
      onPhase: () => undefined,
      stopRequest: () => 'go on',
    },
  ).then(
    () => null,
    (thrown: unknown) => thrown as Error,
  );
  return { rows, error };
}

test('rows of a run without a loss scale say nothing of one', async () => {
  const { rows, error } = await rowsOf([good, good]);
  expect(error).toBeNull();
  expect(rows.map(({ step }) => step)).toEqual([1, 2]);
  expect(rows.every((row) => !('lossScale' in row) && !('skipped' in row))).toBe(true);
});

test.each([NaN, Infinity])(
  'a gradient norm of %d under a loss scale is a step skipped, and the run goes on',
  async (gradNorm) => {
    const overflown = { ...halves, gradNorm };
    const { rows, error } = await rowsOf([halves, overflown, { ...overflown, lossScale: 2 }, { ...halves, lossScale: 1 }]);
    expect(error).toBeNull();
    expect(rows.map(({ lossScale, skipped }) => [lossScale, skipped])).toEqual([
      [2 ** 16, false],
      [2 ** 16, true],
      [2, true],
      [1, false],
    ]);
    expect(rows[1]).toMatchObject({ step: 2, loss: 2, gradNorm });
  },
);

test.each([
  ['the scale can be no smaller', { ...halves, gradNorm: Infinity, lossScale: 1 }],
  ['the loss itself is no number', { ...halves, loss: NaN }],
  ['neither is a number', { ...halves, loss: Infinity, gradNorm: NaN }],
])('where %s the run has diverged, and 32 bits are the next thing to try', async (_, bad) => {
  const { rows, error } = await rowsOf([halves, bad, halves]);
  expect(rows.map(({ step }) => step)).toEqual([1]);
  expect(error).toMatchObject({ code: 'train/diverged' });
  expect(error?.message).toMatch(/^At step 2 .* diverged\. Try it with activations in 32 bits first.*Lower the learning rate/);
});

test.each([{ gradNorm: Infinity }, { gradNorm: NaN }, { loss: NaN }])('without a loss scale %j is the end', async (bad) => {
  const { error } = await rowsOf([good, { ...good, ...bad }]);
  expect(error).toMatchObject({ code: 'train/diverged' });
  expect(error?.message).toContain('diverged. Lower the learning rate (it was 0.0010)');
});

test('measuring on held-out batches reports how many are done, before, between and after them', async () => {
  const phases: string[] = [];
  const nothing = () => Promise.resolve();
  const batch = collated();
  const session = {
    step: 0,
    totalSteps: 1,
    advance(): Promise<StepResult> {
      return Promise.resolve({ ...good, step: ++this.step });
    },
    evaluate(heldOut: HeldOut, _which: 'tuned' | 'base', onBatch: (done: number) => void = () => undefined): Promise<number> {
      heldOut.forEach((_, i) => onBatch(i + 1));
      return Promise.resolve(1);
    },
  };
  await train(
    {
      ...{ session, source: { batch: () => batch }, heldOut: [batch, batch], epochAt: () => 0 },
      ...{ cadence: { evaluate: 1, save: 1, sample: 1 }, secondsBefore: 0, baseUnknown: true },
    },
    {
      ...{ onStep: () => undefined, onEval: nothing, onBase: nothing, save: nothing, sample: nothing },
      onPhase: (message, done, total) => phases.push(`${message} ${done}/${total}`),
      stopRequest: () => 'go on',
    },
  );
  const each = (message: string) => [0, 1, 2].map((done) => `${message} ${done}/2`);
  expect(phases).toEqual([...each('Measuring the base on held-out examples'), ...each('Measuring on held-out examples')]);
});

/** A batch of one token. */
function collated(): Batch {
  const one = () => Int32Array.of(0);
  return { ids: one(), positions: one(), segments: one(), labels: one(), weights: Float32Array.of(1), tokens: 1, trained: 1 };
}
