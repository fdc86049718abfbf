/** AdamW (Loshchilov and Hutter, arXiv 1711.05101) on a flat parameter, with PyTorch's gradient clipping. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import source from './adamw.wgsl?raw';
import { elementwise } from './lib/elementwise';
import { bytesOf, read, write } from './lib/launch';
import { isF32, misfit } from './lib/rule';
import { defineOp, type Builder, type Value } from './op';

/**
 * One step of `torch.optim.AdamW` after `clip_grad_norm_`, in place on param, grad, m and v, all f32 [n]; then grad = 0.
 * hyper [8] = [learning rate, β₁, β₂, ε, weight decay, 1−β₁ᵗ, 1−β₂ᵗ, norm limit (0 = off)]. The gradient is grad / scale, with scale
 * [1] a power of two (see lossscale), and norm [1] is its norm. When the norm is not finite only grad changes, so that one overflow
 * does not corrupt the adapter.
 *
 * The averages use β as f32, so the bias corrections must be those of `Math.fround(β)` (see `hyperAt`). 1−β is computed from the
 * same f32 number and is exact for β of 0.5 or more (Sterbenz's lemma).
 */
export const adamwOp = defineOp()({
  name: 'adamw',
  inputs: ['param', 'grad', 'm', 'v', 'hyper', 'norm', 'scale?'],
  outputs: ['param', 'grad', 'm', 'v'],
  updates: ['param', 'grad', 'm', 'v'],
  infer(inputs) {
    const { param, grad, m, v, hyper, norm, scale } = inputs;
    const flat = [sizeOf(param.shape)];
    const state = [param, grad, m, v].every((spec) => isF32(spec, flat));
    if (!state || !isF32(hyper, [8]) || !isF32(norm, [1]) || (scale !== null && !isF32(scale, [1])))
      throw misfit('adamw', inputs, 'f32: param, grad, m and v [n], hyper [8], norm [1], and scale [1] or none');
    return { param, grad, m, v };
  },
  gradient: null,
  twin({ param, grad, m, v, hyper, norm, scale }) {
    const [rate = 0, beta1 = 0, beta2 = 0, eps = 0, decay = 0, bias1 = 1, bias2 = 1, limit = 0] = hyper.dataSync();
    const unscaled = scale === null ? grad : tf.div(grad, scale);
    const g = limit > 0 ? tf.mul(unscaled, tf.minimum(tf.div(limit, tf.add(norm, 1e-6)), 1)) : unscaled;
    const first = tf.add(m, tf.mul(tf.sub(g, m), 1 - beta1));
    const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
    const denominator = tf.add(tf.div(tf.sqrt(second), Math.sqrt(bias2)), eps);
    const moved = tf.sub(tf.mul(param, 1 - rate * decay), tf.mul(tf.div(first, denominator), rate / bias1));
    const finite = tf.isFinite(norm);
    const ifFinite = (updated: tf.Tensor, kept: tf.Tensor) => tf.where(finite, updated, kept);
    return { param: ifFinite(moved, param), grad: tf.zerosLike(grad), m: ifFinite(first, m), v: ifFinite(second, v) };
  },
  cost: (use) => ({ flops: 17 * sizeOf(use.outputs.param.shape), bytes: bytesOf(use) }),
  launch({ inputs: { hyper, norm, scale }, outputs: { param, grad, m, v } }, _attrs, target) {
    const elements = [write(param), write(grad), write(m), write(v)];
    const whole = [read(hyper), read(norm), ...(scale ? [read(scale)] : [])];
    const constants = { SCALED: scale !== null };
    return elementwise({ label: 'adamw', source, size: sizeOf(param.shape), elements, whole, constants }, target);
  },
});

export interface AdamwState {
  readonly param: Value;
  readonly grad: Value;
  readonly m: Value;
  readonly v: Value;
}

/** Updates `state` in place; see `adamwOp` for `hyper` [8], `norm` [1] and `scale` [1]. */
export function adamw(
  builder: Builder,
  { param, grad, m, v }: AdamwState,
  hyper: Value,
  norm: Value,
  scale: Value | null = null,
): void {
  builder.apply(adamwOp, { param, grad, m, v, hyper, norm, scale }, {});
}
