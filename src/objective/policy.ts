/**
 * What objectives share that learn from rewards of the model's own answers (rollouts). Inputs of a token are f32 [M], at the position
 * that predicts it: `advantages`; `oldLogprobs` and `refLogprobs`, its log-probability when it was sampled and by the base. With values:
 * `oldValues`, the value before it when it was sampled; `returns`, what the value should have been; `valueWeights`, which sum to 1 over
 * the values of an update.
 */

import { add } from '../../kernels/add';
import { mul } from '../../kernels/mul';
import { dot } from '../../kernels/scale';
import type { Value } from '../../kernels/op';
import type { Program } from '../graph/graph';
import { unary } from '../../kernels/unary';
import { negated, type FigureData, type Loss, type LossContext } from './objective';
import { tokenValues } from './pairs';

/** How far the probability of a token may move from what it was before a step stops to gain by it. */
export interface Clip {
  readonly epsilonLow: number;
  readonly epsilonHigh: number;
}

const affine = (program: Program, x: Value, scale: number, shift: number) => unary(program, x, { kind: 'affine', scale, shift });
const copy = (program: Program, x: Value) => affine(program, x, 1, 0);

/**
 * log π(token), [M]; 0 where no token is predicted. π is what tokens are sampled from: the logits are divided by `temperature`.
 */
export function tokenLogprobs(context: LossContext, temperature: number): Value {
  return describedTokens(context, temperature).logprobs;
}

/** As `tokenLogprobs`, with the entropy of π, [M]. */
export function describedTokens(
  context: LossContext,
  temperature: number,
): { readonly logprobs: Value; readonly entropy: Value } {
  const { nll, entropy } = tokenValues(temperature === 1 ? context : heated(context, temperature), 'policy');
  return { logprobs: negated(context.program, nll), entropy };
}

/** The context with all logits z divided by T: (cap/T)·tanh((z/T)/(cap/T)) is cap·tanh(z/cap)/T. */
function heated(context: LossContext, temperature: number): LossContext {
  const { program } = context;
  return {
    ...context,
    hidden: (model) => affine(program, context.hidden(model), 1 / temperature, 0),
    softcap(model) {
      const cap = context.softcap(model);
      return cap === undefined ? undefined : cap / temperature;
    },
  };
}

/** ρ = π(token) / π_old(token), [M]. */
export function ratioOf(context: LossContext, logprobs: Value): Value {
  const { program } = context;
  return unary(program, add(program, logprobs, negated(program, context.input('oldLogprobs'))), { kind: 'exp' });
}

/**
 * −min(ρ·A, clip(ρ, 1 − ε_low, 1 + ε_high)·A), [M] (Schulman et al., arXiv 1707.06347, eq. 7; two bounds: DAPO, arXiv 2503.14476,
 * eq. 10). For A ≥ 0 this is −A·min(ρ, 1 + ε_high), for A < 0 it is −A·max(ρ, 1 − ε_low).
 */
export function clippedLoss(context: LossContext, ratio: Value, { epsilonLow, epsilonHigh }: Clip): Value {
  const { program } = context;
  const advantages = context.input('advantages');
  const gain = unary(program, advantages, { kind: 'relu' });
  const harm = unary(program, negated(program, advantages), { kind: 'relu' });
  const [least, most] = [1 - epsilonLow, 1 + epsilonHigh];
  const under = unary(program, affine(program, ratio, -1, most), { kind: 'relu' });
  const over = unary(program, affine(program, ratio, 1, -least), { kind: 'relu' });
  const capped = affine(program, under, -1, most);
  const raised = affine(program, over, 1, least);
  return add(program, mul(program, harm, raised), negated(program, mul(program, gain, capped)));
}

/** π_ref/π − log(π_ref/π) − 1, [M]: an estimate of KL(π ‖ π_ref) of a token that is never negative (Schulman, "Approximating KL Divergence"). */
export function divergence(context: LossContext, logprobs: Value): Value {
  const { program } = context;
  const log = add(program, context.input('refLogprobs'), negated(program, logprobs));
  return affine(program, add(program, unary(program, log, { kind: 'exp' }), negated(program, log)), 1, -1);
}

/** Of answers that are measured: their mean cross-entropy, with the figures `logprobs` and, with a value head, `values` [M]. */
export function answerLoss(context: LossContext, { sampleTemperature }: { readonly sampleTemperature: number }): Loss {
  const { program } = context;
  const logprobs = tokenLogprobs(context, sampleTemperature);
  const values = context.values();
  const figures = { logprobs, ...(values !== null && { values: copy(program, values) }) };
  return { loss: dot(program, negated(program, logprobs), context.weights), figures };
}

/** The figures of `reportTokens`. */
export function tokenFigures(context: LossContext, ratio: Value, entropy: Value | null, kl: Value | null): Loss['figures'] {
  const { program } = context;
  const [advantages, counts] = [copy(program, context.input('advantages')), copy(program, context.weights)];
  return {
    ratio: copy(program, ratio),
    ...(entropy !== null && { entropy: copy(program, entropy) }),
    advantages,
    counts,
    ...(kl !== null && { kl: copy(program, kl) }),
  };
}

/**
 * Names and definitions are those of TRL's GRPOTrainer: the mean entropy and divergence from the base, and the shares of tokens whose loss no longer
 * depends on the model because they moved too far. Every token counts alike.
 */
export function reportTokens(figures: FigureData, { epsilonLow, epsilonHigh }: Clip): Readonly<Record<string, number>> {
  let [tokens, low, high, divergences, entropies] = [0, 0, 0, 0, 0];
  const { ratio = [], entropy = [], advantages = [], counts = [], kl = [] } = figures;
  ratio.forEach((ratios, batch) =>
    ratios.forEach((value, token) => {
      if ((counts[batch]?.[token] ?? 0) === 0) return;
      const advantage = advantages[batch]?.[token] ?? NaN;
      tokens++;
      if (value < 1 - epsilonLow && advantage < 0) low++;
      if (value > 1 + epsilonHigh && advantage > 0) high++;
      divergences += kl[batch]?.[token] ?? 0;
      entropies += entropy[batch]?.[token] ?? NaN;
    }),
  );
  if (ratio.length === 0) return {};
  return {
    ...{ 'clip_ratio/low_mean': low / tokens, 'clip_ratio/high_mean': high / tokens },
    'clip_ratio/region_mean': (low + high) / tokens,
    entropy: entropies / tokens,
    ...(kl.length > 0 && { kl: divergences / tokens }),
  };
}
