import { describe, expect, it } from 'vitest';
import { Frames, type Scheduler } from '../../src/state/frames';
import { RunLog } from '../../src/state/run-log';
import type { StepRow } from '../../workers/api';

const row = (step: number, seconds = step): StepRow => ({
  step,
  seconds,
  loss: 5 - step,
  learningRate: 1e-4,
  gradNorm: 1,
  tokensPerSecond: 100,
  epoch: 0,
});

describe('RunLog', () => {
  it('appends rows without their event type', () => {
    const log = new RunLog();
    log.add({ type: 'step', ...row(1) });
    log.add({ type: 'eval', step: 1, loss: 3 });
    const skipped = { ...row(2), gradNorm: Infinity, lossScale: 2 ** 16, skipped: true };
    log.add({ type: 'step', ...skipped });
    expect(log.view()).toStrictEqual({ steps: [row(1), skipped], evals: [{ step: 1, loss: 3 }], samples: [] });
  });

  it('keeps what an objective reports', () => {
    const log = new RunLog();
    const step = { ...row(1), figures: { 'rewards/margins': 0.5 } };
    const measured = { step: 1, loss: 3, metrics: { 'rewards/margins': 0.25 }, confusion: [3, 1, 0, 2], sources: [3, null] };
    log.add({ type: 'step', ...step });
    log.add({ type: 'eval', ...measured });
    expect(log.view()).toStrictEqual({ steps: [step], evals: [measured], samples: [] });
  });

  it('removes the rows that a resumed run repeats', () => {
    const steps = [1, 2, 3, 4].map((n) => row(n));
    const samples = [2, 4].map((step) => ({ step, prompt: 'p', text: `at ${step}` }));
    const log = new RunLog({ steps, evals: [0, 2, 4].map((step) => ({ step, loss: step })), samples });
    log.add({ type: 'step', ...row(3, 30) });
    expect(log.steps.map((s) => s.seconds)).toEqual([1, 2, 30]);
    expect(log.evals.map((e) => e.step)).toEqual([0, 2]);
    expect(log.samples.map((s) => s.step)).toEqual([2]);
    expect(steps).toHaveLength(4);
  });

  it('replaces a repeated evaluation, and keeps later ones', () => {
    const log = new RunLog({ steps: [], evals: [0, 2, 4].map((step) => ({ step, loss: step })), samples: [] });
    log.add({ type: 'eval', step: 0, loss: 9 });
    log.add({ type: 'eval', step: 3, loss: 7 });
    expect(log.evals.map((e) => [e.step, e.loss])).toEqual([
      [0, 9],
      [2, 2],
      [3, 7],
      [4, 4],
    ]);
  });

  it('keeps several prompts of one step', () => {
    const log = new RunLog();
    for (const prompt of ['a', 'b']) log.add({ type: 'sample', step: 5, prompt, text: prompt });
    expect(log.samples).toHaveLength(2);
  });

  it('ignores events without rows', () => {
    const log = new RunLog();
    log.add({ type: 'memory', bytes: 1 });
    expect(log.view()).toEqual({ steps: [], evals: [], samples: [] });
  });
});

describe('Frames', () => {
  it('passes on everything that came before the frame, once and in order', () => {
    const due: (() => void)[] = [];
    const schedule: Scheduler = (run) => {
      due.push(run);
      return () => undefined;
    };
    const taken: (readonly number[])[] = [];
    const frames = new Frames<number>((items) => taken.push(items), schedule);
    for (const n of [1, 2, 3]) frames.add(n);
    expect([taken, due.length]).toEqual([[], 1]);
    due[0]?.();
    frames.flush();
    frames.add(4);
    due[1]?.();
    expect(taken).toEqual([[1, 2, 3], [4]]);
  });

  it('cancels the frame when it was flushed before', () => {
    let cancelled = 0;
    const taken: (readonly string[])[] = [];
    const frames = new Frames<string>(
      (items) => taken.push(items),
      () => () => cancelled++,
    );
    frames.add('x');
    frames.flush();
    expect([taken, cancelled]).toEqual([[['x']], 1]);
  });
});
