/** Dynamic loss scaling as in `torch.amp.GradScaler`: keeps the gradients as large as 16-bit activations can represent. */

import * as tf from '@tensorflow/tfjs-core';
import { f32, specialise } from '../src/gpu/shader';
import { bytesOf, read, write } from './lib/launch';
import { launchOf, optional } from './lib/processor';
import { f32Spec, isF32, misfit } from './lib/rule';
import source from './lossscale.wgsl?raw';
import { defineOp, type Builder, type Value } from './op';

/** The scale at the start of a run, as in GradScaler. */
export const FIRST_SCALE = 2 ** 16;
export const LARGEST_SCALE = 2 ** 24;
/** Consecutive good steps before the scale is doubled. GradScaler's 2,000 is longer than most LoRA runs. */
export const GROWTH_INTERVAL = 200;

/**
 * Updates `scale` and `good` in place by the norm of the gradient, and returns the old scale as `used`; all f32[1]. When the norm is
 * not finite, scale is halved (to at least 1) and good is set to 0. Otherwise good is incremented, and when it reaches
 * `GROWTH_INTERVAL`, scale is doubled (to at most `LARGEST_SCALE`) and good is set to 0: PyTorch's `_amp_update_scale_`.
 *
 * The scale is always a power of two, so that multiplying and dividing by it is exact.
 */
export const lossscaleOp = defineOp()({
  name: 'lossscale',
  inputs: ['scale', 'good', 'norm'],
  outputs: ['scale', 'good', 'used'],
  updates: ['scale', 'good'],
  infer(inputs) {
    const { scale, good, norm } = inputs;
    if (![scale, good, norm].every((spec) => isF32(spec, [1]))) throw misfit('lossscale', inputs, 'three f32[1]');
    return { scale, good, used: f32Spec([1]) };
  },
  gradient: null,
  twin({ scale, good, norm }) {
    const finite = tf.isFinite(norm);
    const counted = tf.add(good, 1);
    const grows = tf.greaterEqual(counted, GROWTH_INTERVAL);
    const grown = tf.where(grows, tf.minimum(tf.mul(scale, 2), LARGEST_SCALE), scale);
    const zero = tf.zerosLike(good);
    return {
      scale: tf.where(finite, grown, tf.maximum(tf.div(scale, 2), 1)),
      good: tf.where(finite, tf.where(grows, zero, counted), zero),
      used: tf.clone(scale),
    };
  },
  cost: (use) => ({ flops: 2, bytes: bytesOf(use) }),
  launch({ inputs: { norm }, outputs: { scale, good, used } }) {
    const constants = { GROWTH_INTERVAL: f32(GROWTH_INTERVAL), LARGEST_SCALE: f32(LARGEST_SCALE) };
    const shader = specialise('lossscale', source, 'main', constants);
    const bindings = [write(scale), write(good), write(used), read(norm)];
    return { scratch: [], dispatches: [{ shader, workgroups: [1, 1, 1], bindings }] };
  },
  processor: ({ inputs: { norm }, outputs: { scale, good, used } }) => {
    const args = [...[scale, good, norm, used].map(optional), { f32: GROWTH_INTERVAL }, { f32: LARGEST_SCALE }];
    return launchOf({ kernel: 'lossscale', units: 1, args });
  },
});

/** The scale and the number of good steps since it last changed, each [1] and kept across steps. */
export interface LossScale {
  readonly scale: Value;
  readonly good: Value;
}

/** Updates `state` in place by the gradient norm [1], and returns the scale that the gradient had, [1]. */
export function lossscale(builder: Builder, { scale, good }: LossScale, norm: Value): Value {
  return builder.apply(lossscaleOp, { scale, good, norm }, {}).used;
}
