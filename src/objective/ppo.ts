/** Proximal policy optimization: answers are compared with what a trained estimate of their value expected of them. */

import { add } from '../../kernels/add';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { dot } from '../../kernels/scale';
import { unary } from '../../kernels/unary';
import { internal } from '../core/errors';
import type { PpoSettings } from '../recipe/objectives';
import { negated, sumOf, type FigureData, type Loss, type LossContext, type Objective } from './objective';
import { answerLoss, clippedLoss, ratioOf, tokenFigures, tokenLogprobs } from './policy';

/**
 * In training the clipped loss of every token of the answers (Schulman et al., arXiv 1707.06347, eq. 7), plus the clipped error of the
 * values, as TRL's PPOTrainer (0.24) computes them. Their inputs are of src/rollout/returns.ts. Else the cross-entropy of the tokens, with
 * the figures `logprobs` and `values` [M].
 */
export const ppo: Objective<PpoSettings> = {
  examples: 'text',
  hasValues: true,
  loss: (context, settings) => (context.training ? trainingLoss(context, settings) : answerLoss(context, settings)),
  report,
};

function trainingLoss(context: LossContext, settings: PpoSettings): Loss {
  const { program } = context;
  const ratio = ratioOf(context, tokenLogprobs(context, settings.sampleTemperature));
  const policy = dot(program, clippedLoss(context, ratio, settings), context.weights);
  const { moved, plain, clipped, worse } = valueErrors(context, settings);
  const half = unary(program, dot(program, worse, context.input('valueWeights', 'column')), {
    kind: 'affine',
    scale: 0.5,
    shift: 0,
  });
  const weighted = unary(program, half, { kind: 'affine', scale: settings.valueWeight, shift: 0 });
  const figures = {
    ...tokenFigures(context, ratio, null, null),
    valueCounts: copied(context, context.input('valueWeights', 'column')),
  };
  return { loss: add(program, policy, weighted), figures: { ...figures, policy, value: half, moved, plain, clipped } };
}

interface ValueErrors {
  /** V − V_old, [M, 1]. */
  readonly moved: Value;
  /** (V − R)², [M, 1]. */
  readonly plain: Value;
  /** The same of the value that moved by `valueClip` at most. */
  readonly clipped: Value;
  /** The larger one of both. */
  readonly worse: Value;
}

function valueErrors(context: LossContext, { valueClip }: PpoSettings): ValueErrors {
  const { program } = context;
  const [old, returns] = [context.input('oldValues', 'column'), context.input('returns', 'column')];
  const values = context.values() ?? missing();
  const moved = add(program, values, negated(program, old));
  const error = (value: Value) => {
    const difference = add(program, value, negated(program, returns));
    return mul(program, difference, difference);
  };
  const [plain, clipped] = [error(values), error(add(program, old, clampedTo(context, moved, valueClip)))];
  const excess = unary(program, add(program, plain, negated(program, clipped)), { kind: 'relu' });
  return { moved, plain, clipped, worse: add(program, clipped, excess) };
}

/** x between −limit and limit: −limit + max(0, x + limit) − max(0, x − limit). */
function clampedTo({ program }: LossContext, x: Value, limit: number): Value {
  const above = (shift: number) => unary(program, unary(program, x, { kind: 'affine', scale: 1, shift }), { kind: 'relu' });
  const low = unary(program, above(limit), { kind: 'affine', scale: 1, shift: -limit });
  return add(program, low, negated(program, above(-limit)));
}

function copied({ program }: LossContext, x: Value): Value {
  return unary(program, x, { kind: 'affine', scale: 1, shift: 0 });
}

/**
 * Names and definitions are those of TRL's PPOTrainer (0.24): both losses, half the mean square of the change of log-probabilities, the
 * shares of tokens and values that moved too far, and the mean ratio of probabilities. Every token counts alike.
 */
function report(figures: FigureData, { epsilonLow, epsilonHigh, valueClip }: PpoSettings): Readonly<Record<string, number>> {
  const { ratio = [], advantages = [], counts = [], plain = [], clipped = [], moved = [], valueCounts = [] } = figures;
  if (ratio.length === 0) return {};
  const held = (value: number) => Math.min(1 + epsilonHigh, Math.max(1 - epsilonLow, value));
  const isClipped = (value: number, at: Place) => {
    const advantage = advantages[at.batch]?.[at.token] ?? NaN;
    return -advantage * held(value) > -advantage * value ? 1 : 0;
  };
  // Within the limits both errors are the same number, but for rounding.
  const isClippedValue = (value: number, { batch, token }: Place) =>
    Math.abs(value) > valueClip && (clipped[batch]?.[token] ?? NaN) > (plain[batch]?.[token] ?? NaN) ? 1 : 0;
  return {
    ...{ 'loss/policy_avg': sumOf(figures['policy']), 'loss/value_avg': sumOf(figures['value']) },
    'policy/approxkl_avg': 0.5 * meanOver(counts, ratio, (value) => Math.log(value) ** 2),
    'policy/clipfrac_avg': meanOver(counts, ratio, isClipped),
    'val/clipfrac_avg': meanOver(valueCounts, moved, isClippedValue),
    'val/ratio': meanOver(counts, ratio, (value) => value),
  };
}

interface Place {
  readonly batch: number;
  readonly token: number;
}

/** The mean over the tokens that `counts` is not 0 for. */
function meanOver(counts: FigureData[string], values: FigureData[string], read: (value: number, at: Place) => number): number {
  let [sum, count] = [0, 0];
  values.forEach((ofBatch, batch) =>
    ofBatch.forEach((value, token) => {
      if ((counts[batch]?.[token] ?? 0) === 0) return;
      sum += read(value, { batch, token });
      count++;
    }),
  );
  return sum / count;
}

function missing(): never {
  throw internal('an objective with values without a value head');
}
