/** Layer normalisation (Ba, Kiros and Hinton, arXiv 1607.06450) of rows, or of the heads of each row. */

import * as tf from '@tensorflow/tfjs-core';
import { internal } from '../src/core/errors';
import { sizeOf } from '../src/core/shape';
import { columnSum } from './column_sum';
import { bytesOf } from './lib/launch';
import { normBackward, normBackwardProcessor, normForward, normProcessor, runsOf } from './lib/norm';
import { f32Spec, isF32, misfit } from './lib/rule';
import { normWeightBackwardOp } from './norm_weight_backward';
import { defineOp, type Builder, type Value } from './op';

export interface LayernormAttrs {
  readonly eps: number;
}

/**
 * x [M, G·W], weight [W] and optionally bias [W] → y [M, G·W], and mean and rstd [M·G], f32. For each run of W elements:
 * rstd = 1/√(mean((x − mean)²) + eps), y = (x − mean)·rstd·weight + bias. mean and rstd are saved for the gradient.
 */
export const layernormOp = defineOp<LayernormAttrs>()({
  name: 'layernorm',
  inputs: ['x', 'weight', 'bias?'],
  outputs: ['y', 'mean', 'rstd'],
  infer(inputs) {
    const { x, weight, bias } = inputs;
    const runs = f32Spec([runsOf('layernorm', inputs)]);
    if (bias !== null && !isF32(bias, weight.shape))
      throw misfit('layernorm', inputs, `a bias f32[${weight.shape.join()}] or none`);
    return { y: f32Spec(x.shape), mean: runs, rstd: runs };
  },
  gradient(builder, { inputs: { x, weight, bias }, outputs: { mean, rstd } }, { y: dy, mean: dmean, rstd: drstd }, wanted) {
    if (dmean !== null || drstd !== null)
      throw internal('layernorm: mean and rstd are saved for the gradient and have no gradient themselves');
    if (dy === null) return { x: null, weight: null, bias: null };
    const width = sizeOf(weight.shape);
    const ofBias = wanted.bias && bias !== null;
    const { dweight, dbias } = wanted.weight
      ? builder.apply(normWeightBackwardOp, { dy, x, rstd, mean }, { width, bias: ofBias })
      : { dweight: null, dbias: ofBias ? columnSum(builder, dy, width) : null };
    const dx = wanted.x ? builder.apply(layernormBackwardOp, { x, weight, mean, rstd, dy, addend: null }, {}).dx : null;
    return { x: dx, weight: dweight, bias: dbias };
  },
  twin({ x, weight, bias }, { eps }) {
    const runs = tf.reshape(x, [-1, weight.size]);
    const mean = tf.mean(runs, 1, true);
    const centred = tf.sub(runs, mean);
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), eps));
    const scaled = tf.mul(tf.mul(centred, rstd), weight);
    const y = tf.reshape(bias === null ? scaled : tf.add(scaled, bias), x.shape);
    return { y, mean: tf.reshape(mean, [-1]), rstd: tf.reshape(rstd, [-1]) };
  },
  f16: ({ inputs: { weight } }) => ({ inputs: ['x'], outputs: sizeOf(weight.shape) % 4 === 0 ? ['y'] : [] }),
  cost: (use) => ({ flops: 7 * sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x, weight, bias }, outputs: { y, mean, rstd } }, { eps }, target) {
    return normForward({ label: 'layernorm', x, weight, y, rstd, eps, offset: 0, centred: { mean, bias } }, target);
  },
  processor: ({ inputs: { x, weight, bias }, outputs: { y, mean, rstd } }, { eps }) =>
    normProcessor({ x, weight, y, rstd, eps, offset: 0, centred: { mean, bias } }),
});

/**
 * dx = rstd·(g − mean(g) − x̂·mean(g·x̂)) + addend with g = dy·weight and x̂ = (x − mean)·rstd; shapes as in `layernormOp`, the addend
 * that of x.
 */
export const layernormBackwardOp = defineOp()({
  name: 'layernorm_backward',
  inputs: ['x', 'weight', 'mean', 'rstd', 'dy', 'addend?'],
  outputs: ['dx'],
  infer(inputs) {
    const { x, mean, rstd, dy, addend } = inputs;
    const runs = runsOf('layernorm_backward', inputs);
    const fits = isF32(mean, [runs]) && isF32(rstd, [runs]) && isF32(dy, x.shape);
    if (!fits || (addend !== null && !isF32(addend, x.shape)))
      throw misfit(
        'layernorm_backward',
        inputs,
        `f32: mean and rstd [${runs}], dy of x's shape, and an addend of x's shape or none`,
      );
    return { dx: f32Spec(x.shape) };
  },
  gradient: null,
  twin({ x, weight, mean, rstd, dy, addend }) {
    const runs = (values: tf.Tensor) => tf.reshape(values, [-1, weight.size]);
    const column = (values: tf.Tensor) => tf.reshape(values, [-1, 1]);
    const unit = tf.mul(tf.sub(runs(x), column(mean)), column(rstd));
    const dunit = tf.mul(runs(dy), weight);
    const along = tf.mul(unit, tf.mean(tf.mul(dunit, unit), 1, true));
    const rest = tf.sub(tf.sub(dunit, tf.mean(dunit, 1, true)), along);
    const dx = tf.reshape(tf.mul(column(rstd), rest), x.shape);
    return { dx: addend ? tf.add(dx, addend) : dx };
  },
  // dx is the gradient of the residual stream, which stays f32.
  f16: () => ({ inputs: ['x', 'dy', 'addend'], outputs: [] }),
  cost: (use) => ({ flops: 11 * sizeOf(use.outputs.dx.shape), bytes: bytesOf(use) }),
  launch: ({ inputs, outputs }, _attrs, target) =>
    normBackward({ label: 'layernorm_backward', ...inputs, ...outputs, offset: 0 }, target),
  processor: ({ inputs, outputs }) => normBackwardProcessor({ ...inputs, ...outputs, offset: 0 }),
});

/** Normalises each run of x that is as long as `weight`, and adds `bias` if there is one. */
export function layernorm(builder: Builder, x: Value, weight: Value, bias: Value | null, eps: number): Value {
  return builder.apply(layernormOp, { x, weight, bias }, { eps }).y;
}
