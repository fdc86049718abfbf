/** Rollouts: which prompts are answered, how answers are compared, and how they become batches. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EncodedSplit } from '../../src/batch/types';
import { parseRecipe } from '../../src/recipe/recipe';
import { advantagesOf } from '../../src/rollout/advantages';
import { rolloutBatches, writeInput } from '../../src/rollout/batches';
import { rewardName, rolloutFigures } from '../../src/rollout/figures';
import { promptsAt, promptsOf } from '../../src/rollout/prompts';

/** Documents of ids, whose trained tokens are negative. */
function split(...documents: readonly (readonly number[])[]): EncodedSplit {
  const ends = documents.map((_, i) => documents.slice(0, i + 1).flat().length);
  return {
    ids: Int32Array.from(documents.flat(), Math.abs),
    trained: Uint8Array.from(documents.flat(), (id) => (id < 0 ? 1 : 0)),
    offsets: Uint32Array.from([0, ...ends]),
    lines: Uint32Array.from(documents.keys()),
  };
}

describe('prompts', () => {
  it('end before the last answer, which is expected', () => {
    const [one, two] = promptsOf(split([1, 2, -3, -4, 5], [1, -2, 3, -4]), 16, 8);
    expect(one).toEqual({ ids: [1, 2], expected: [3, 4], tail: [5], room: 8 });
    expect(two).toEqual({ ids: [1, 2, 3], expected: [4], tail: [], room: 8 });
  });

  it('leave room for an answer, and texts without a question are none', () => {
    expect(promptsOf(split([1, 2, 3, -4], [1, -2, -3]), 4, 8)).toEqual([{ ids: [1, 2, 3], expected: [4], tail: [], room: 1 }]);
    expect(promptsOf(split([1, 2, 3, -4]), 3, 8)).toEqual([]);
  });

  it('are all answered once in a pass, in another order in each', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 7 }), fc.nat(1000), (count, per, seed) => {
        const asked = Array.from({ length: 2 * count }, (_, rollout) => promptsAt(rollout, per, count, seed)).flat();
        for (let pass = 0; (pass + 1) * count <= asked.length; pass++) {
          const own = asked.slice(pass * count, (pass + 1) * count);
          expect([...own].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
        }
      }),
    );
    expect(promptsAt(0, 20, 20, 1)).not.toEqual(promptsAt(1, 20, 20, 1));
  });
});

describe('advantages', () => {
  // By hand: the deviation of a sample, plus 1e-4.
  it('compare the answers to one prompt', () => {
    const found = advantagesOf([0, 1, 5, 5], 2, 'prompt');
    const each = 0.5 / (Math.SQRT1_2 + 1e-4);
    [-each, each, 0, 0].forEach((expected, i) => expect(found[i]).toBeCloseTo(expected, 12));
  });

  it('may be divided by the deviation of all answers, or by nothing', () => {
    expect(advantagesOf([0, 1, 5, 5], 2, 'none')).toEqual([-0.5, 0.5, 0, 0]);
    const all = Math.sqrt((2.75 ** 2 + 1.75 ** 2 + 2 * 2.25 ** 2) / 3) + 1e-4;
    expect(advantagesOf([0, 1, 5, 5], 2, 'all')[1]).toBeCloseTo(0.5 / all, 12);
  });
});

describe('batches of answers', () => {
  const written = [
    { prompt: [1, 2], answer: [3, 4, 5] },
    { prompt: [6], answer: [7] },
    { prompt: [8, 9, 10], answer: [11, 12] },
  ];
  const shape = { rows: 2, rowLength: 8, padId: 0 };

  it('have every token of every answer where it is predicted', () => {
    const made = rolloutBatches(written, shape, ['advantages'], { mean: 'tokens', answerLength: 3 });
    writeInput(made, 'advantages', (answer, token) => 10 * (answer + 1) + token);
    const found = made.places.map(({ batch, from, length }, i) => {
      const { labels, weights, inputs } = made.batches[batch] ?? {};
      expect([...(labels?.subarray(from, from + length) ?? [])]).toEqual(written[i]?.answer);
      expect([...(weights?.subarray(from, from + length) ?? [])]).toEqual(written[i]?.answer.map(() => 1));
      return [...(inputs?.advantages?.subarray(from, from + length) ?? [])];
    });
    expect(found).toEqual([[10, 11, 12], [20], [30, 31]]);
    expect(made.batches.reduce((sum, { trained }) => sum + trained, 0)).toBe(6);
    const zeros = made.batches.flatMap(({ inputs, weights }) =>
      Array.from(inputs?.advantages ?? [], (value, i) => (weights[i] === 0 ? value : 0)),
    );
    expect(new Set(zeros)).toEqual(new Set([0]));
  });

  it.each([
    ['answers', [1, 1, 1]],
    ['fixed-length', [1, 1 / 3, 2 / 3]],
  ] as const)('weigh the tokens by %s', (mean, sums) => {
    const made = rolloutBatches(written, shape, [], { mean, answerLength: 3 });
    made.places.forEach(({ batch, from, length }, i) => {
      const sum = made.batches[batch]?.weights.subarray(from, from + length).reduce((a, b) => a + b, 0) ?? NaN;
      expect(sum).toBeCloseTo(sums[i] ?? NaN, 6);
    });
    expect(made.batches.reduce((sum, { weight = 0 }) => sum + weight, 0)).toBe(3);
  });
});

/** See fixtures/make_rollout_figures.py. */
interface Logged {
  readonly perPrompt: number;
  readonly weights: readonly number[];
  readonly scores: readonly (readonly number[])[];
  readonly answers: readonly { readonly tokens: number; readonly ended: boolean }[];
  readonly figures: Readonly<Record<string, number>>;
}

const logged = JSON.parse(readFileSync(new URL('fixtures/rollout-figures.json', import.meta.url), 'utf8')) as Logged;

function rewards(...given: readonly object[]) {
  const { objective } = parseRecipe({ objective: { kind: 'grpo', rewards: given } });
  if (objective.kind !== 'grpo') throw new Error('another objective');
  return objective.rewards;
}

describe('figures of a rollout', () => {
  it('are those that TRL logs', () => {
    const { perPrompt, weights, scores, answers, figures } = logged;
    const settings = rewards({ kind: 'json', weight: weights[0] }, { kind: 'length', max: 8, weight: weights[1] });
    const totals = answers.map((_, i) => scores.reduce((sum, of, r) => sum + (weights[r] ?? NaN) * (of[i] ?? NaN), 0));
    const found = rolloutFigures(settings, { scores, totals }, answers, perPrompt);
    const ours = (name: string) => name.replace('/starts/', '/json/').replace('/lengths/', '/length/');
    expect(Object.keys(found).sort()).toEqual(Object.keys(figures).map(ours).sort());
    // TRL's are f32.
    for (const [name, value] of Object.entries(figures)) expect(found[ours(name)], name).toBeCloseTo(value, 6);
  });

  it('count equal rewards as equal where their mean is rounded', () => {
    const totals = [0.1, 0.1, 0.1];
    const ends = totals.map(() => ({ tokens: 1, ended: true }));
    expect(rolloutFigures(rewards({ kind: 'json' }), { scores: [totals], totals }, ends, 3)).toMatchObject({
      frac_reward_zero_std: 1,
    });
  });

  it('have no deviations of one answer a prompt, and no lengths of answers that did not end', () => {
    const ends = [3, 5].map((tokens) => ({ tokens, ended: false }));
    expect(rolloutFigures(rewards({ kind: 'json' }), { scores: [[0, 1]], totals: [0, 1] }, ends, 1)).toEqual({
      ...{ reward: 0.5, 'rewards/json/mean': 0.5, 'completions/clipped_ratio': 1 },
      ...{ 'completions/mean_length': 4, 'completions/min_length': 3, 'completions/max_length': 5 },
      'completions/mean_terminated_length': 0,
      ...{ 'completions/min_terminated_length': 0, 'completions/max_terminated_length': 0 },
    });
  });

  it('name rewards of one kind by number', () => {
    const settings = rewards({ kind: 'json' }, { kind: 'json', weight: 2 });
    expect([0, 1].map((i) => rewardName(settings, i))).toEqual(['json 1', 'json 2']);
    expect(rewardName(settings.slice(0, 1), 0)).toBe('json');
  });
});
