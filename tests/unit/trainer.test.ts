/** The loop of a run: steps whose loss or gradient norm is not finite, steps that fail, and what happens between steps. */

import { expect, test } from 'vitest';
import type { Batch } from '../../src/batch/types';
import type { HeldOut, StepResult } from '../../src/train/session';
import { Timetable, type Costs } from '../../src/train/timetable';
import { train, type RunHooks, type RunInput } from '../../src/train/trainer';
import type { EvalRow, StepRow } from '../../src/train/types';

const good: Omit<StepResult, 'step'> = { loss: 2, gradNorm: 0.5, learningRate: 1e-3, tokens: 100, figures: {} };
const scaled = { ...good, lossScale: 2 ** 16 };

const reports: RunInput['reports'] = { step: () => undefined, heldOut: () => ({}) };
const measured = { loss: 1, figures: {}, parts: [1] };

const unit = { flops: 1, bytes: 1, nodes: 1, runs: 1 };
const costs: Costs = { step: unit, base: unit, measurement: unit, sampling: unit, saving: unit };

const nothing = () => Promise.resolve();

/** Trains with hooks that do nothing, except for those in `hooks`. Nothing is due before the last step. */
function trainOf(session: RunInput['session'], input: Partial<RunInput> = {}, hooks: Partial<RunHooks> = {}) {
  const cadence = { evaluate: 100, save: 100, sample: 100 };
  const timetable = new Timetable(costs, cadence, session.totalSteps, false, null);
  return train(
    {
      ...{ session, source: { batch: () => collated() }, heldOut: [], reports, epochAt: (step) => step / 10, secondsBefore: 0 },
      ...{ cadence, timetable, baseUnknown: false, startUnknown: false, samplesMissing: false, ...input },
    },
    {
      ...{ onStep: () => undefined, onEval: nothing, onBase: nothing, save: nothing, sample: nothing },
      ...{ isBest: () => false, enough: () => false, onPhase: () => undefined, signal: new AbortController().signal, ...hooks },
    },
  );
}

/** Trains through steps with these figures; the rows that were reported, and the error that ended the training. */
async function rowsOf(steps: readonly Omit<StepResult, 'step'>[]) {
  const rows: StepRow[] = [];
  const session = {
    step: 0,
    totalSteps: steps.length,
    advance(): Promise<StepResult> {
      return Promise.resolve({ ...(steps[this.step] ?? good), step: ++this.step });
    },
    measure: () => Promise.resolve(measured),
  };
  const error = await trainOf(session, {}, { onStep: (row) => rows.push(row) }).then(
    () => null,
    (thrown: unknown) => thrown as Error,
  );
  return { rows, error };
}

test('rows of a run without a loss scale have no loss scale', async () => {
  const { rows, error } = await rowsOf([good, good]);
  expect(error).toBeNull();
  expect(rows.map(({ step }) => step)).toEqual([1, 2]);
  expect(rows.every((row) => !('lossScale' in row) && !('skipped' in row))).toBe(true);
});

test.each([NaN, Infinity])('a gradient norm of %d under a loss scale skips the step, and the run continues', async (gradNorm) => {
  const overflown = { ...scaled, gradNorm };
  const { rows, error } = await rowsOf([scaled, overflown, { ...overflown, lossScale: 2 }, { ...scaled, lossScale: 1 }]);
  expect(error).toBeNull();
  expect(rows.map(({ lossScale, skipped }) => [lossScale, skipped])).toEqual([
    [2 ** 16, false],
    [2 ** 16, true],
    [2, true],
    [1, false],
  ]);
  expect(rows[1]).toMatchObject({ step: 2, loss: 2, gradNorm });
});

test.each([
  ['the scale cannot be lowered', { ...scaled, gradNorm: Infinity, lossScale: 1 }],
  ['the loss is not finite', { ...scaled, loss: NaN }],
  ['neither is finite', { ...scaled, loss: Infinity, gradNorm: NaN }],
])('where %s the run has diverged, and the error suggests 32-bit activations', async (_, bad) => {
  const { rows, error } = await rowsOf([scaled, bad, scaled]);
  expect(rows.map(({ step }) => step)).toEqual([1]);
  expect(error).toMatchObject({ code: 'train/diverged' });
  expect(error?.message).toMatch(/^At step 2 .* diverged\. Try 32-bit activations first.*Lower the learning rate/);
});

test.each([{ gradNorm: Infinity }, { gradNorm: NaN }, { loss: NaN }])(
  'without a loss scale, a step with %j ends the run',
  async (bad) => {
    const { error } = await rowsOf([good, { ...good, ...bad }]);
    expect(error).toMatchObject({ code: 'train/diverged' });
    expect(error?.message).toContain('diverged. Lower the learning rate (it was 0.0010)');
  },
);

test('measuring on held-out batches reports how many are done, before, between and after them', async () => {
  const phases: string[] = [];
  const batch = collated();
  const session = {
    step: 0,
    totalSteps: 1,
    advance(): Promise<StepResult> {
      return Promise.resolve({ ...good, step: ++this.step });
    },
    measure(heldOut: HeldOut, _which: 'tuned' | 'base', onBatch: (done: number) => void = () => undefined) {
      heldOut.forEach((_, i) => onBatch(i + 1));
      return Promise.resolve(measured);
    },
  };
  const onPhase = (message: string, done: number, total: number) => phases.push(`${message} ${done}/${total}`);
  await trainOf(session, { heldOut: [batch, batch], baseUnknown: true }, { onPhase });
  const each = (message: string) => [0, 1, 2].map((done) => `${message} ${done}/2`);
  expect(phases).toEqual([...each('Measuring the base on held-out examples'), ...each('Measuring on held-out examples')]);
});

test('what a run starts from is measured and saved before the first step, the base after it', async () => {
  const done: string[] = [];
  const note = (what: string) => () => {
    done.push(`${what} at ${session.step}`);
    return Promise.resolve();
  };
  const session = {
    step: 0,
    totalSteps: 2,
    advance(): Promise<StepResult> {
      return Promise.resolve({ ...good, step: ++this.step });
    },
    measure(_heldOut: HeldOut, which: 'tuned' | 'base') {
      done.push(`${which} at ${this.step}`);
      return Promise.resolve(measured);
    },
  };
  const evals: EvalRow[] = [];
  const onEval = (row: EvalRow) => Promise.resolve(void evals.push(row));
  const input = { heldOut: [collated()], baseUnknown: true, startUnknown: true };
  await trainOf(session, input, { onEval, save: note('save') });
  expect(evals.map(({ step }) => step)).toEqual([0, 2]);
  expect(done).toEqual(['tuned at 0', 'save at 0', 'base at 1', 'tuned at 2', 'save at 2']);
});

test('a measurement that is the best so far is saved, and one after which it is enough ends the run', async () => {
  const saved: number[] = [];
  const session = {
    step: 0,
    totalSteps: 40,
    advance(): Promise<StepResult> {
      return Promise.resolve({ ...good, step: ++this.step });
    },
    measure: () => Promise.resolve(measured),
  };
  const evals: number[] = [];
  const hooks: Partial<RunHooks> = {
    onEval: ({ step }) => Promise.resolve(void evals.push(step)),
    isBest: () => evals.at(-1) === 4 && session.step === 4,
    enough: () => evals.length === 5,
    save: () => Promise.resolve(void saved.push(session.step)),
  };
  const cadence = { evaluate: 2, save: 7, sample: 100 };
  expect(await trainOf(session, { cadence, heldOut: [collated()] }, hooks)).toBeNull();
  expect(evals).toEqual([2, 4, 6, 8, 10]);
  expect(session.step).toBe(10);
  expect(saved).toEqual([4, 7]);
});

test('a run whose measurements were enough before it was interrupted trains no further step', async () => {
  const session = {
    step: 10,
    totalSteps: 40,
    advance: () => Promise.reject(new Error('a step')),
    measure: () => Promise.resolve(measured),
  };
  expect(await trainOf(session, {}, { enough: () => true })).toBeNull();
});

/** A batch of one token. */
function collated(): Batch {
  const one = () => Int32Array.of(0);
  return { ids: one(), positions: one(), segments: one(), labels: one(), weights: Float32Array.of(1), tokens: 1, trained: 1 };
}

test('when two steps in flight fail, the first error is thrown and no rejection is unhandled', async () => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', listen);
  const session = {
    step: 0,
    totalSteps: 10,
    advance(): Promise<StepResult> {
      return Promise.reject(new Error(`step ${++this.step}`));
    },
    measure: () => Promise.resolve(measured),
  };
  await expect(trainOf(session)).rejects.toThrow('step 1');
  expect(session.step).toBe(2);
  // Node reports unhandled rejections after its microtasks.
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off('unhandledRejection', listen);
  expect(unhandled).toEqual([]);
});

test('samples that a pause cut short are written before the next step', async () => {
  const calls: string[] = [];
  const session = {
    step: 4,
    totalSteps: 5,
    advance(): Promise<StepResult> {
      calls.push(`step ${this.step + 1}`);
      return Promise.resolve({ ...good, step: ++this.step });
    },
    measure: () => Promise.resolve(measured),
  };
  const sample = (step: number) => Promise.resolve(void calls.push(`samples of ${step}`));
  await trainOf(session, { samplesMissing: true }, { sample });
  expect(calls).toEqual(['samples of 4', 'step 5', 'samples of 5']);
});

test('steps and measurements report what the objective makes of its figures', async () => {
  const figures = { rewards: [Float32Array.of(1)] };
  const session = {
    step: 0,
    totalSteps: 1,
    advance: (): Promise<StepResult> => Promise.resolve({ ...good, figures, step: ++session.step }),
    measure: () => Promise.resolve({ loss: 3, figures, parts: [3] }),
  };
  const reports: RunInput['reports'] = {
    step: ({ rewards }) => ({ 'rewards/margins': rewards?.[0]?.[0] ?? NaN }),
    heldOut: ({ rewards }) => ({ metrics: { accuracy: 2 * (rewards?.[0]?.[0] ?? NaN) }, confusion: [1] }),
  };
  const rows: StepRow[] = [];
  const evals: EvalRow[] = [];
  const onEval = (row: EvalRow) => Promise.resolve(void evals.push(row));
  await trainOf(session, { reports, heldOut: [collated()] }, { onStep: (row) => rows.push(row), onEval });
  expect(rows.map((row) => row.figures)).toEqual([{ 'rewards/margins': 1 }]);
  expect(evals).toEqual([{ step: 1, loss: 3, metrics: { accuracy: 2 }, confusion: [1] }]);
});
