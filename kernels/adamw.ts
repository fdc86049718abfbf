/** AdamW (Loshchilov and Hutter, arXiv 1711.05101) on a flat parameter, with PyTorch's gradient clipping. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape, sizeOf } from '../src/core/shape';
import source from './adamw.wgsl?raw';
import { bytesOf, readInput, required, writeOutput } from './lib/launch';
import type { Builder, Op, Value } from './op';
import { misfit } from './lib/rule';
import { elementwise } from './lib/elementwise';

/**
 * [param, grad, m, v, all [n], hyper [8], norm [1], optionally scale [1]] f32 → the first four, in place: one step of
 * `torch.optim.AdamW` after `clip_grad_norm_`, then grad = 0. hyper = [learning rate, β₁, β₂, ε, weight decay, 1−β₁ᵗ, 1−β₂ᵗ,
 * norm limit (0 = off)]; the gradient is grad / scale, a power of two (see lossscale), and norm is its norm. When that is not
 * finite only grad changes, so that one bad step does not poison the adapter.
 *
 * The averages use β as f32, so the bias corrections must be those of `Math.fround(β)` (see `hyperAt`). 1−β is computed from the
 * same f32 number and is exact for β of 0.5 or more (Sterbenz's lemma).
 */
export const adamwOp: Op = {
  name: 'adamw',
  updates: [0, 1, 2, 3],
  infer(inputs) {
    const [param] = inputs;
    const flat = param?.shape ?? [];
    const expected = [flat, flat, flat, flat, [8], [1], ...((inputs[6] ?? null) === null ? [] : [[1]])];
    const fits = expected.every((shape, i) => inputs[i]?.dtype === 'f32' && sameShape(inputs[i].shape, shape));
    if (!fits || flat.length !== 1) throw misfit('adamw', inputs, 'f32: four of one shape [n], [8], [1], and [1] or none');
    return [0, 1, 2, 3].map(() => ({ shape: flat, dtype: 'f32' }));
  },
  gradient: null,
  twin(inputs) {
    const param = required(inputs, 0, 'param');
    const grad = required(inputs, 1, 'grad');
    const m = required(inputs, 2, 'm');
    const v = required(inputs, 3, 'v');
    const cleared = tf.zerosLike(grad);
    const [norm = NaN] = required(inputs, 5, 'norm').dataSync();
    if (!Number.isFinite(norm)) return [tf.clone(param), cleared, tf.clone(m), tf.clone(v)];
    const [rate = 0, beta1 = 0, beta2 = 0, eps = 0, decay = 0, bias1 = 1, bias2 = 1, limit = 0] = required(
      inputs,
      4,
      'hyper',
    ).dataSync();
    const [, , , , , , scale = null] = inputs;
    const unscaled = scale === null ? grad : tf.div(grad, scale);
    const g = limit > 0 ? tf.mul(unscaled, Math.min(1, limit / (norm + 1e-6))) : unscaled;
    const first = tf.add(m, tf.mul(tf.sub(g, m), 1 - beta1));
    const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
    const size = tf.add(tf.div(tf.sqrt(second), Math.sqrt(bias2)), eps);
    const moved = tf.sub(tf.mul(param, 1 - rate * decay), tf.mul(tf.div(first, size), rate / bias1));
    return [moved, cleared, first, second];
  },
  cost: (use) => ({ flops: 17 * sizeOf(required(use.outputs, 0, 'param').shape), bytes: bytesOf(use) }),
  launch(use, _attrs, target) {
    const size = sizeOf(required(use.outputs, 0, 'param').shape);
    const elements = [writeOutput(0), writeOutput(1), writeOutput(2), writeOutput(3)];
    const SCALED = (use.inputs[6] ?? null) !== null;
    const whole = [readInput(4), readInput(5), ...(SCALED ? [readInput(6)] : [])];
    return elementwise({ label: 'adamw', source, size, elements, whole, constants: { SCALED } }, target);
  },
};

export interface AdamwState {
  readonly param: Value;
  readonly grad: Value;
  readonly m: Value;
  readonly v: Value;
}

/** Steps `state.param` in place; see `adamwOp` for `hyper` [8], `norm` [1] and `scale` [1]. */
export function adamw(
  builder: Builder,
  { param, grad, m, v }: AdamwState,
  hyper: Value,
  norm: Value,
  scale: Value | null = null,
): void {
  builder.apply(adamwOp, [param, grad, m, v, hyper, norm, scale], {});
}
