/** Rollouts: which prompts are answered, how answers are compared, and how they become batches. */

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
    expect(one).toEqual({ ids: [1, 2], expected: [3, 4], room: 8 });
    expect(two).toEqual({ ids: [1, 2, 3], expected: [4], room: 8 });
  });

  it('leave room for an answer, and texts without a question are none', () => {
    expect(promptsOf(split([1, 2, 3, -4], [1, -2, -3]), 4, 8)).toEqual([{ ids: [1, 2, 3], expected: [4], room: 1 }]);
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

describe('figures of a rollout', () => {
  it('have the names of TRL', () => {
    const { objective } = parseRecipe({ objective: { kind: 'grpo', rewards: [{ kind: 'json' }, { kind: 'json', weight: 2 }] } });
    if (objective.kind !== 'grpo') throw new Error('another objective');
    const rewarded = {
      scores: [
        [1, 0, 1, 1],
        [0, 0, 1, 1],
      ],
      totals: [1, 0, 3, 3],
    };
    const ends = [1, 2, 3, 6].map((tokens) => ({ tokens, ended: tokens < 6 }));
    expect(rolloutFigures(objective.rewards, rewarded, ends, 2)).toEqual({
      ...{ reward: 1.75, reward_std: Math.SQRT1_2 / 2, frac_reward_zero_std: 0.5 },
      ...{ 'rewards/json 1/mean': 0.75, 'rewards/json 2/mean': 0.5 },
      ...{ 'completions/mean_length': 3, 'completions/clipped_ratio': 0.25 },
    });
    expect(rewardName(objective.rewards.slice(0, 1), 0)).toBe('json');
  });
});
