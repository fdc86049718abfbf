/** What PPO learns from: rewards of tokens, and by how much they were better than expected. Pure. */

import type { PpoSettings } from '../recipe/objectives';

/** Of one answer, by its tokens. */
export interface Judged {
  /** Of the whole answer. */
  readonly score: number;
  /** Log-probabilities of its tokens by the policy that wrote them, and by the base. */
  readonly logprobs: readonly number[];
  readonly refLogprobs: readonly number[];
  /** Estimated before each token. */
  readonly values: readonly number[];
}

export interface Returns {
  /** By answer and token. */
  readonly advantages: readonly (readonly number[])[];
  readonly returns: readonly (readonly number[])[];
}

/** Added to the variance of the advantages; TRL's. */
const LEAST = 1e-8;

/**
 * A token is rewarded with −β·(log π − log π_ref), and the last one with the score too. Advantages are those of Schulman et al. (arXiv
 * 1506.02438, eq. 16), A_t = δ_t + γλ·A_{t+1} with δ_t = r_t + γ·V_{t+1} − V_t, and V = 0 after the answer; returns are A + V. Then the
 * advantages of all tokens get a mean of 0 and a deviation (that of a sample) of 1, as in TRL's PPOTrainer (0.24).
 */
export function returnsOf(
  answers: readonly Judged[],
  { beta, discount, lambda }: Pick<PpoSettings, 'beta' | 'discount' | 'lambda'>,
): Returns {
  const raw = answers.map((answer) => advantagesOf(answer, tokenRewards(answer, beta), discount, lambda));
  return {
    advantages: whitened(raw),
    returns: raw.map((own, i) => own.map((advantage, t) => advantage + (answers[i]?.values[t] ?? NaN))),
  };
}

/** log π − log π_ref of each token. */
export function divergences({ logprobs, refLogprobs }: Pick<Judged, 'logprobs' | 'refLogprobs'>): readonly number[] {
  return logprobs.map((logprob, t) => logprob - (refLogprobs[t] ?? NaN));
}

function tokenRewards(answer: Judged, beta: number): readonly number[] {
  const last = answer.logprobs.length - 1;
  return divergences(answer).map((divergence, t) => -beta * divergence + (t === last ? answer.score : 0));
}

function advantagesOf({ values }: Judged, rewards: readonly number[], discount: number, lambda: number): readonly number[] {
  const advantages: number[] = [];
  for (let t = rewards.length - 1; t >= 0; t--) {
    const delta = (rewards[t] ?? NaN) + discount * (values[t + 1] ?? 0) - (values[t] ?? NaN);
    advantages[t] = delta + discount * lambda * (advantages[t + 1] ?? 0);
  }
  return advantages;
}

function whitened(all: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const flat = all.flat();
  const mean = flat.reduce((sum, value) => sum + value, 0) / flat.length;
  const variance = flat.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, flat.length - 1);
  return all.map((own) => own.map((value) => (value - mean) / Math.sqrt(variance + LEAST)));
}
