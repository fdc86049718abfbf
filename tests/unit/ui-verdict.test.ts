/** The sentence of the Train stage: it says what the measurements show, and noise does not change it. */

import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../src/recipe/recipe';
import type { ObjectiveKind } from '../../src/recipe/objectives';
import { trendOf, type Direction } from '../../src/ui/train/trend';
import { verdictOf, type Judged } from '../../src/ui/train/verdict';
import type { CheckpointView, EarlyStop, EvalRow, RunStatus, StepRow } from '../../workers/api';
import { randomFloats } from '../random';

const EVERY = 20;
const at = (values: readonly number[], first = 0): EvalRow[] => values.map((loss, i) => ({ step: first + EVERY * i, loss }));
/** Training losses of 200 steps between two values. */
const trained = (from: number, to: number): StepRow[] =>
  Array.from({ length: 200 }, (_, i) => ({
    ...{ step: i + 1, loss: from + ((to - from) * i) / 199 + 0.05 * ((i % 3) - 1) },
    ...{ learningRate: 1e-4, gradNorm: 1, tokensPerSecond: 100, seconds: i, epoch: 0 },
  }));

interface Given {
  readonly status?: RunStatus;
  readonly objective?: ObjectiveKind;
  readonly steps?: readonly StepRow[];
  readonly heldOutRatio?: number;
  readonly checkpoints?: readonly CheckpointView[];
  readonly labels?: readonly string[];
  readonly patience?: number;
  readonly earlyStop?: EarlyStop;
}

function judge(evals: readonly EvalRow[], given: Given = {}): Judged {
  const { status = 'running', objective = 'sft', steps = trained(4.8, 2), heldOutRatio = 0.1, checkpoints = [] } = given;
  const { labels, earlyStop, patience = 5 } = given;
  const recipe = parseRecipe({ heldOutRatio, patience, objective: { kind: objective } });
  return {
    run: { status, totalSteps: 200, recipe, checkpoints, ...(labels && { labels }), ...(earlyStop && { earlyStop }) },
    ...{ kind: objective, history: { steps, evals } },
  };
}

function sentence(evals: readonly EvalRow[], given: Given = {}): string {
  const { lead, rest } = verdictOf(judge(evals, given));
  return `${lead} ${rest}`;
}

const checkpoint = (step: number, loss: number, best: boolean): CheckpointView => ({ step, loss, best, bytes: 1, savedAt: 0 });

describe('a run that learns to write', () => {
  it.each([
    [[4.79, 4.1, 3.73], 'Getting better: error on unseen examples 4.79 → 3.73, still falling.'],
    [[4.79, 4.1, 3.73, 3.74], 'Getting better: error on unseen examples 4.79 → 3.74, little change since step 40.'],
    [[4.79], 'Measured once: error on unseen examples 4.79 before training. The next measurement shows whether it falls.'],
    [[4.79, 4.785], 'No clear change yet: error on unseen examples 4.79 → 4.79.'.replace('4.79 → 4.79', '4.790 → 4.785')],
    [
      [4.79, 4.0, 3.6, 3.42, 3.41, 3.42, 3.41, 3.42],
      'No longer improving since step 60: the best error on unseen examples was 3.41 at step 80. The run ends by itself if this lasts.',
    ],
    [[4.79, 4.8, 4.785, 4.79, 4.795], /^Not improving: error on unseen examples 4\.790 → 4\.795\. The learning rate may be/],
  ])('%j', (losses, words) => {
    expect(sentence(at(losses))).toEqual(typeof words === 'string' ? words : (expect.stringMatching(words) as string));
  });

  it('waits for the first measurement', () => expect(sentence([])).toMatch(/^Waiting for the first measurement/));

  it('without held-out examples says that nobody can tell, and what to do', () => {
    const words = sentence([], { heldOutRatio: 0 });
    expect(words).toMatch(/^Nobody can tell .*training error \(4\.\d+ → 2\.\d+\).*Hold some out in the Recipe stage/);
    expect(sentence([], { status: 'finished' })).toMatch(/^Nobody can tell/);
  });

  it('overfits when the held-out error rises while that of training falls, and names the kept checkpoint', () => {
    const rising = at([4.79, 4.0, 3.6, 3.41, 3.5, 3.56, 3.6, 3.62]);
    const words =
      'Memorising (overfitting): since step 60 it gets worse on unseen examples (3.41 → 3.62) while it goes on learning the training examples (4.04 → 2.91)';
    expect(sentence(rising)).toBe(`${words}. The run ends by itself if this lasts.`);
    const checkpoints = [checkpoint(60, 3.41, true)];
    expect(sentence(rising, { checkpoints, patience: 0 })).toBe(
      `${words}. You may stop here: the checkpoint of step 60 is kept.`,
    );
  });

  it('gets worse, without overfitting, when the training error does not fall either', () => {
    const words = sentence(at([4.79, 4.9, 5.1, 5.3]), { steps: trained(4.8, 5.4) });
    expect(words).toBe(
      'Getting worse: error on unseen examples rose from 4.79 (the start) to 5.30. The learning rate may be too high.',
    );
  });

  it('that diverges is not called unchanged, from the first measurement on', () => {
    const steps = trained(4.8, 400);
    expect(sentence(at([4.8, 219]), { steps })).toBe('Not better so far: error on unseen examples 4.80 → 219.00.');
    expect(sentence(at([4.8, 219, 298]), { steps })).toMatch(/^Getting worse: .* rose from 4\.80 \(the start\) to 298\./);
  });

  it('is not judged by one outlier in either direction', () => {
    const fine = [4.79, 4.0, 3.7, 3.6, 3.52, 3.46, 3.42];
    for (const outlier of [6, 2.6]) {
      const spiked = [...fine.slice(0, 4), outlier, ...fine.slice(4)];
      const seen = spiked.map((_, i) => verdictOf(judge(at(spiked.slice(0, i + 1)))).standing);
      expect(seen).not.toContain('overfit');
      expect(seen).not.toContain('worse');
    }
  });
});

describe('the trend', () => {
  const directions = (values: readonly number[]): Direction[] =>
    values.map((_, i) => {
      const points = values.slice(0, i + 1).map((value, k) => ({ step: 10 * k, value }));
      return trendOf(points, { totalSteps: 10 * values.length })?.direction ?? 'early';
    });
  const runs = Array.from({ length: 200 }, (_, seed) => seed + 1);
  /** `curve` with noise of 0.5 %, in 200 runs. */
  const noisy = (curve: (i: number) => number, count: number) =>
    runs.map((seed) => directions([...randomFloats(count + 8, seed)].slice(8).map((x, i) => curve(i) * (1 + 0.008 * x))));

  it('of a noisy plateau ends as flat, and does not get worse', () => {
    const seen = noisy((i) => 3.4 + 1.4 * 0.4 ** i, 24);
    expect(seen.filter((all) => all.at(-1) === 'flat').length).toBeGreaterThan(190);
    expect(seen.filter((all) => all.includes('worse')).length).toBeLessThan(4);
    const flips = seen.map((all) => all.filter((one, i) => one === 'better' && all[i - 1] === 'flat').length);
    expect(flips.reduce((sum, one) => sum + one)).toBeLessThan(100);
  });

  it('of a curve that still falls is never flat', () => {
    expect(noisy((i) => 4.8 - 0.1 * i, 12).flat()).not.toContain('flat');
  });

  it('of a rise after the minimum is worse, and stays so', () => {
    const rising = noisy((i) => 3.4 + 0.1 * Math.abs(i - 5), 16);
    for (const all of rising) {
      expect(all.indexOf('worse')).toBeGreaterThan(5);
      expect(all.slice(-3)).toEqual(['worse', 'worse', 'worse']);
    }
    const returns = rising.flatMap((all) => all.filter((one, i) => one !== 'worse' && all[i - 1] === 'worse'));
    expect(returns.length).toBeLessThan(40);
  });

  it('is flat only after a tenth of the run, however often is measured', () => {
    const points = [3, ...Array<number>(9).fill(3)].map((value, i) => ({ step: i, value }));
    expect(trendOf(points, { totalSteps: 1000 })?.direction).toBe('early');
    expect(trendOf(points, { totalSteps: 60 })?.direction).toBe('flat');
  });
});

describe('a classifier', () => {
  const labels = ['billing', 'delivery'];
  /** 100 held-out examples, 60 of them about billing. */
  const measured = (accuracy: number, loss: number): Omit<EvalRow, 'step'> => ({
    ...{ loss, metrics: { accuracy }, confusion: [60 - 100 + 100 * accuracy, 100 - 100 * accuracy, 0, 40] },
  });
  const rows = (...all: readonly (readonly [accuracy: number, loss: number])[]): EvalRow[] =>
    all.map(([accuracy, loss], i) => ({ step: EVERY * (i + 1), ...measured(accuracy, loss) }));
  const given = { objective: 'classify', labels } as const;

  it('says how many it gets right, and how many more than at first', () => {
    expect(sentence(rows([0.71, 0.9], [0.76, 0.8], [0.83, 0.7]), given)).toBe(
      'Gets 83 % of the unseen examples right, 12 points more than at step 20. Still rising.',
    );
  });

  it('admits when always answering the largest category would do as well', () => {
    expect(sentence(rows([0.62, 0.9]), given)).toBe(
      'Gets 62 % of the unseen examples right, no better than always answering “billing” (60 %). The next measurement shows whether it gets better.',
    );
  });

  it('overfits although its answers stay right', () => {
    const words = sentence(rows([0.71, 0.9], [0.83, 0.5], [0.83, 0.6], [0.83, 0.7], [0.84, 0.8]), given);
    expect(words).toBe(
      'Gets 84 % of the unseen examples right, 13 points more than at step 20. But it memorises (overfitting): since step 40 its error (loss) rises on unseen examples (0.500 → 0.800) and falls on the training examples (4.31 → 3.47). The run ends by itself if this lasts.',
    );
  });

  it('no longer improves when neither its answers nor its loss do', () => {
    const still = Array<readonly [number, number]>(4).fill([0.83, 0.5]);
    expect(sentence(rows([0.71, 0.9], ...still), given)).toMatch(
      /No longer improving since step 40\. The run ends by itself if this lasts\.$/,
    );
  });
});

it.each([
  ['dpo', { 'rewards/accuracies': 0.75 }, 'Prefers the better answer in 75 % of the unseen pairs. '],
  ['dpo', { 'rewards/accuracies': 0.51 }, 'Prefers the better answer in 51 % of the unseen pairs, no better than a coin flip. '],
  ['reward', { accuracy: 0.9 }, 'Scores the better answer higher in 90 % of the unseen pairs. '],
  ['regress', { rmse: 1.234 }, 'Is off by 1.23 on unseen examples (RMSE). '],
  ['multi-label', { microF1: 0.5 }, 'Finds the labels of unseen examples with a score of 50 % (micro F1). '],
] as const)('%s tells its metric', (objective, metrics, words) => {
  const evals = [{ step: EVERY, loss: 0.6, metrics }];
  expect(sentence(evals, { objective })).toBe(`${words}The next measurement shows whether it gets better.`);
});

it('the error of numbers is better when it is less', () => {
  const evals = [2, 1.5, 1].map((rmse, i) => ({ step: EVERY * (i + 1), loss: rmse ** 2, metrics: { rmse } }));
  expect(sentence(evals, { objective: 'regress' })).toBe(
    'Is off by 1.00 on unseen examples (RMSE), 1.00 less than at step 20. Still falling.',
  );
});

describe('a run that learns from rewards', () => {
  const rewarded = (...rewards: readonly number[]): EvalRow[] =>
    rewards.map((reward, i) => ({ step: EVERY * (i + 1), loss: -reward, metrics: { reward } }));

  it.each([
    [[0.6, 0.7, 0.85], {}, 'Gets a mean reward of 0.850 for unseen prompts, 0.250 more than at step 20. Still rising.'],
    [
      [0.6, 0.85, 0.8, 0.5, 0.4, 0.4],
      {},
      'Gets a mean reward of 0.400 for unseen prompts, 0.200 less than at step 20. But it gets worse: it fell from 0.850 (step 40) to 0.400. The learning rate may be too high.',
    ],
    [
      [1.52, 1.5201],
      { status: 'finished', checkpoints: [checkpoint(20, -1.52, true), checkpoint(40, -1.5201, false)] },
      'Result: gets a mean reward of 1.52 for unseen prompts, as at step 20. The best checkpoint is that of step 20, with a mean reward of 1.52: Use takes it.',
    ],
    [
      [0.9, 0.7],
      { status: 'finished', earlyStop: { step: 40, monitor: 'loss', waited: 1, best: { step: 20, value: -0.9 }, value: -0.7 } },
      'Ended early at step 40: the mean reward for unseen prompts was best at step 20 (0.900 → 0.700), and 1 measurement brought no improvement.',
    ],
  ] satisfies readonly (readonly [readonly number[], Given, string])[])('%j', (rewards, given, words) => {
    expect(sentence(rewarded(...rewards), { ...given, objective: 'grpo' })).toBe(words);
  });
});

describe('the result', () => {
  const ended = { status: 'finished' } as const;

  it('is the error before and after, and whether more steps may help', () => {
    expect(sentence(at([4.79, 4.1, 3.73]), ended)).toBe(
      'Result: error on unseen examples 4.79 → 3.73. It was still getting better: more steps may help.',
    );
  });

  it('names the best checkpoint when it is not the newest, and overfitting', () => {
    const checkpoints = [checkpoint(60, 3.41, true), checkpoint(120, 3.62, false)];
    expect(sentence(at([4.79, 4.0, 3.6, 3.41, 3.5, 3.56, 3.6, 3.62]), { ...ended, checkpoints })).toBe(
      'Result: error on unseen examples 4.79 → 3.62. The best checkpoint is that of step 60, with an error of 3.41: Use takes it. It memorised (overfitting): since step 60 it got worse on unseen examples (3.41 → 3.62) while it went on learning the training examples (4.04 → 2.91).',
    );
  });

  const early: EarlyStop = { step: 140, monitor: 'loss', value: 3.62, best: { step: 60, value: 3.41 }, waited: 4 };

  it('of a run that its measurements ended says why, and what is used of it', () => {
    const given = { ...ended, earlyStop: early, checkpoints: [checkpoint(60, 3.41, true), checkpoint(140, 3.62, false)] };
    expect(sentence(at([4.79, 4.0, 3.6, 3.41, 3.5, 3.56, 3.6, 3.62]), given)).toBe(
      'Ended early at step 140: since step 60 it got worse on unseen examples (3.41 → 3.62) while it went on learning the training examples (4.04 → 2.91): it memorised them (overfitting). Use takes the checkpoint of step 60, the best one.',
    );
    expect(sentence(at([4.79, 4.0, 3.6, 3.41, 3.42, 3.42, 3.41, 3.42]), { ...given, earlyStop: { ...early, value: 3.42 } })).toBe(
      'Ended early at step 140: the error on unseen examples was best at step 60 (3.41 → 3.42), and 4 measurements brought no improvement. Use takes the checkpoint of step 60, the best one.',
    );
    expect(sentence(at([4.79, 4.0, 3.6]), { ...given, earlyStop: { ...early, carriedOn: true } })).toMatch(/^Result: error on/);
  });

  it('of a run that its metric ended names the metric', () => {
    const evals = [0.9, 0.8, 0.8].map((macroF1, i) => ({ step: EVERY * (i + 1), loss: 1, metrics: { macroF1 } }));
    const earlyStop: EarlyStop = { ...early, monitor: 'macroF1', value: 0.8, best: { step: 20, value: 0.9 } };
    expect(sentence(evals, { ...ended, objective: 'classify', earlyStop })).toBe(
      'Ended early at step 140: F1, macro was best at step 20 (0.900 → 0.800), and 4 measurements brought no improvement.',
    );
  });

  it('does not praise a run that learnt nothing', () => {
    expect(sentence(at([4.79, 4.85, 4.84]), ended)).toBe(
      'Result: error on unseen examples 4.79 → 4.84, no better than at the start.',
    );
  });

  it('of a classifier begins with its metric', () => {
    const evals = [0.5, 0.9].map((accuracy, i) => ({ step: EVERY * (i + 1), loss: 1 - accuracy, metrics: { accuracy } }));
    expect(sentence(evals, { ...ended, objective: 'classify' })).toBe(
      'Result: gets 90 % of the unseen examples right, 40 points more than at step 20. It was still getting better: more steps may help.',
    );
  });
});
