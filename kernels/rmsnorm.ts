/** Root-mean-square normalisation (Zhang and Sennrich, arXiv 1910.07467) of rows, or of the heads of each row. */

import * as tf from '@tensorflow/tfjs-core';
import { internal } from '../src/core/errors';
import { sizeOf } from '../src/core/shape';
import { bytesOf } from './lib/launch';
import { normBackward, normBackwardProcessor, normForward, normProcessor, runsOf } from './lib/norm';
import { f32Spec, isF32, misfit } from './lib/rule';
import { normWeightBackwardOp } from './norm_weight_backward';
import { defineOp, type Builder, type Value } from './op';

export interface RmsnormAttrs extends RmsnormBackwardAttrs {
  readonly eps: number;
}

export interface RmsnormBackwardAttrs {
  /** Added to the weight: 1 in Gemma, whose files have the weights less one. Default 0. */
  readonly offset?: number;
}

/**
 * x [M, G·W] and weight [W] → y [M, G·W] and rstd [M·G], f32. For each run of W elements: rstd = 1/√(mean(x²) + eps),
 * y = x·rstd·(weight + offset). rstd is saved for the gradient.
 */
export const rmsnormOp = defineOp<RmsnormAttrs>()({
  name: 'rmsnorm',
  inputs: ['x', 'weight'],
  outputs: ['y', 'rstd'],
  infer: (inputs) => ({ y: f32Spec(inputs.x.shape), rstd: f32Spec([runsOf('rmsnorm', inputs)]) }),
  gradient(builder, { inputs: { x, weight }, outputs: { rstd }, attrs }, { y: dy, rstd: drstd }, wanted) {
    if (drstd !== null) throw internal('rmsnorm: rstd is saved for the gradient and has no gradient itself');
    if (dy === null) return { x: null, weight: null };
    const ofWeight = () =>
      builder.apply(normWeightBackwardOp, { dy, x, rstd, mean: null }, { width: sizeOf(weight.shape), bias: false }).dweight;
    return {
      x: wanted.x ? builder.apply(rmsnormBackwardOp, { x, weight, rstd, dy, addend: null }, offsetOf(attrs)).dx : null,
      weight: wanted.weight ? ofWeight() : null,
    };
  },
  twin({ x, weight }, { eps, offset = 0 }) {
    const runs = tf.reshape(x, [-1, weight.size]);
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(runs), 1, true), eps));
    return { y: tf.reshape(tf.mul(tf.mul(runs, rstd), tf.add(weight, offset)), x.shape), rstd: tf.reshape(rstd, [-1]) };
  },
  f16: ({ inputs: { weight } }) => ({ inputs: ['x'], outputs: sizeOf(weight.shape) % 4 === 0 ? ['y'] : [] }),
  cost: (use) => ({ flops: 4 * sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch: ({ inputs, outputs }, { eps, offset = 0 }, target) =>
    normForward({ label: 'rmsnorm', ...inputs, ...outputs, eps, offset, centred: null }, target),
  processor: ({ inputs, outputs }, { eps, offset = 0 }) => normProcessor({ ...inputs, ...outputs, eps, offset, centred: null }),
});

/**
 * dx = rstd·(g − x̂·mean(g·x̂)) + addend with g = dy·(weight + offset) and x̂ = x·rstd; shapes as in `rmsnormOp`, the addend that of x.
 */
export const rmsnormBackwardOp = defineOp<RmsnormBackwardAttrs>()({
  name: 'rmsnorm_backward',
  inputs: ['x', 'weight', 'rstd', 'dy', 'addend?'],
  outputs: ['dx'],
  infer(inputs) {
    const { x, rstd, dy, addend } = inputs;
    const runs = runsOf('rmsnorm_backward', inputs);
    if (!isF32(rstd, [runs]) || !isF32(dy, x.shape) || (addend !== null && !isF32(addend, x.shape)))
      throw misfit('rmsnorm_backward', inputs, `f32: rstd [${runs}], dy of x's shape, and an addend of x's shape or none`);
    return { dx: f32Spec(x.shape) };
  },
  gradient: null,
  twin(inputs, { offset = 0 }) {
    const { x, weight, addend } = inputs;
    const rstd = tf.reshape(inputs.rstd, [-1, 1]);
    const unit = tf.mul(tf.reshape(x, [-1, weight.size]), rstd);
    const dunit = tf.mul(tf.reshape(inputs.dy, [-1, weight.size]), tf.add(weight, offset));
    const along = tf.mean(tf.mul(dunit, unit), 1, true);
    const dx = tf.reshape(tf.mul(rstd, tf.sub(dunit, tf.mul(unit, along))), x.shape);
    return { dx: addend ? tf.add(dx, addend) : dx };
  },
  // dx is the gradient of the residual stream, which stays f32.
  f16: () => ({ inputs: ['x', 'dy', 'addend'], outputs: [] }),
  cost: (use) => ({ flops: 8 * sizeOf(use.outputs.dx.shape), bytes: bytesOf(use) }),
  launch: ({ inputs, outputs }, { offset = 0 }, target) =>
    normBackward({ label: 'rmsnorm_backward', ...inputs, ...outputs, offset, mean: null }, target),
  processor: ({ inputs, outputs }, { offset = 0 }) => normBackwardProcessor({ ...inputs, ...outputs, offset, mean: null }),
});

function offsetOf({ offset }: RmsnormBackwardAttrs): RmsnormBackwardAttrs {
  return offset === undefined ? {} : { offset };
}

/** Normalises each run of x that is as long as `weight`; `rstd` is saved for the gradient. `offset`: see `RmsnormBackwardAttrs`. */
export function rmsnorm(
  builder: Builder,
  x: Value,
  weight: Value,
  eps: number,
  options: RmsnormBackwardAttrs = {},
): { y: Value; rstd: Value } {
  return builder.apply(rmsnormOp, { x, weight }, { eps, ...options });
}
