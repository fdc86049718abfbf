/** The advantages and returns of PPO: those of the golden cases, which are TRL's formulas in torch, and their definition by hand. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { divergenceFigures } from '../../src/rollout/figures';
import { returnsOf, type Judged } from '../../src/rollout/returns';

interface Rollouts {
  readonly scores: number[];
  readonly response_lengths: number[];
  readonly old_logprobs: number[][];
  readonly ref_logprobs: number[][];
  readonly old_values: number[][];
  readonly advantages: number[][];
  readonly returns: number[][];
  readonly kl: number[][];
}

const golden = JSON.parse(readFileSync('tests/golden/llama_ppo/case.json', 'utf8')) as {
  readonly hyper: { readonly kl_coef: number; readonly gamma: number; readonly lam: number };
  readonly rollouts: Rollouts;
};
const { rollouts, hyper } = golden;
const cut = (rows: readonly (readonly number[])[]) => rows.map((row, i) => row.slice(0, rollouts.response_lengths[i]));
const [logprobs, refLogprobs, values] = [rollouts.old_logprobs, rollouts.ref_logprobs, rollouts.old_values].map(cut);
const answers: readonly Judged[] = rollouts.scores.map((score, i) => ({
  ...{ score, logprobs: logprobs?.[i] ?? [], refLogprobs: refLogprobs?.[i] ?? [], values: values?.[i] ?? [] },
}));

/** The numbers of the case are of f32. */
function expectClose(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(found.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  found.flat().forEach((value, i) => expect(value).toBeCloseTo(expected.flat()[i] ?? NaN, 5));
}

describe('advantages and returns', () => {
  it('are those of the golden case', () => {
    const found = returnsOf(answers, { beta: hyper.kl_coef, discount: hyper.gamma, lambda: hyper.lam });
    expectClose(found.advantages, cut(rollouts.advantages));
    expectClose(found.returns, cut(rollouts.returns));
  });

  it('of λ = 1 and γ = 1 return what is still to come', () => {
    const answer = { score: 2, logprobs: [-1, -2, -3], refLogprobs: [-1, -1, -1], values: [0.5, 0.25, 1] };
    const { returns } = returnsOf([answer], { beta: 0.1, discount: 1, lambda: 1 });
    expectClose(returns, [[2 + 0.1 + 0.2, 2 + 0.1 + 0.2, 2 + 0.2]]);
  });
});

it('the divergence is summed over the tokens of an answer, and taken from its reward', () => {
  const found = divergenceFigures(answers, hyper.kl_coef);
  const sums = cut(rollouts.kl).map((row) => row.reduce((sum, value) => sum + value, 0));
  const kl = sums.reduce((sum, value) => sum + value, 0) / sums.length;
  const score = rollouts.scores.reduce((sum, value) => sum + value, 0) / rollouts.scores.length;
  expect(found['objective/kl']).toBeCloseTo(kl, 5);
  expect(found['objective/rlhf_reward']).toBeCloseTo(score - hyper.kl_coef * kl, 5);
});
