/** AdamW with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) on one flat vector, after clipping by global norm. */

import type { Flat, Program } from '../graph/graph';
import type { GroupRange, Parameters } from '../method/parameters';
import type { Recipe } from '../recipe/recipe';
import { adamw } from '../../kernels/adamw';
import { gradnorm } from '../../kernels/gradnorm';
import { lossscale, type LossScale } from '../../kernels/lossscale';
import type { Value } from '../../kernels/op';

export interface Optimizer {
  /** First and second moments, in the layout of the parameters that are trained. */
  readonly m: Value;
  readonly v: Value;
  /** [8·groups] f32, written before every step: see `hyperAt`. */
  readonly hyper: Value;
  /** Global L2 norm of the gradients before clipping, without their scale, [1]. */
  readonly norm: Value;
  /** The loss scale of this update's gradients, [1]; null without loss scaling. The update stores the next scale. */
  readonly scaleUsed: Value | null;
}

/**
 * Appends the update: norm, clip, AdamW in place; the gradients are zero afterwards. `name` prefixes the moments. With a `lossScale`
 * the gradients are multiplied by it, and the scale follows their norm: when the norm is not finite, only the scale changes.
 */
export function updateWith(
  program: Program,
  name: string,
  parameters: Parameters,
  gradients: Flat,
  lossScale: LossScale | null,
): Optimizer {
  const { graph } = program;
  const { groups, trained } = parameters;
  const m = graph.declare(`${name}.m`, 'state', trained.flat.shape);
  const v = graph.declare(`${name}.v`, 'state', trained.flat.shape);
  const hyper = graph.declare(`${name}.hyper`, 'input', [8 * groups.length]);
  const scale = lossScale?.scale ?? null;
  const starts = groups.slice(1).map(({ start }) => start);
  const norm = gradnorm(program, gradients.flat, scale);
  adamw(program, { param: trained.flat, grad: gradients.flat, m, v }, hyper, norm, scale, starts);
  return { m, v, hyper, norm, scaleUsed: lossScale && lossscale(program, lossScale, norm) };
}

/**
 * The `hyper` input of the kernel for update `step` (from 0) at `learningRate`, for each group: rate, betas, epsilon, weight decay, bias
 * corrections 1−βᵗ, clip norm. The kernel averages with β rounded to f32, so the corrections are those of the rounded β: after t
 * steps of a constant gradient g the first moment is g·(1−βᵗ) for that β. With the unrounded β₂ = 0.999 updates are off by 6.4e-6.
 *
 * `step` also counts updates that were skipped because their gradient overflowed, because updates are queued before the norm is
 * known. PyTorch waits for the norm and does not count them; here the corrections reach 1 earlier.
 */
export function hyperAt(
  recipe: Pick<Recipe, 'beta1' | 'beta2' | 'epsilon' | 'weightDecay' | 'maxGradNorm'>,
  groups: readonly Pick<GroupRange, 'rate' | 'decays'>[],
  step: number,
  learningRate: number,
  hyper: Float32Array<ArrayBuffer> = new Float32Array(8 * groups.length),
): Float32Array<ArrayBuffer> {
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = recipe;
  const corrections = [beta1, beta2].map((beta) => 1 - Math.fround(beta) ** (step + 1));
  groups.forEach(({ rate, decays }, g) => {
    const decay = decays ? weightDecay : 0;
    hyper.set([rate * learningRate, beta1, beta2, epsilon, decay, ...corrections, maxGradNorm], 8 * g);
  });
  return hyper;
}
