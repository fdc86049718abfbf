/** AdamW (Loshchilov and Hutter, arXiv 1711.05101) on a flat parameter, with PyTorch's gradient clipping. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import source from './adamw.wgsl?raw';
import { elementwise } from './lib/elementwise';
import { bytesOf, read, write } from './lib/launch';
import { launchOf, optional, perElement } from './lib/processor';
import { isF32, misfit } from './lib/rule';
import { defineOp, type Builder, type Value } from './op';

export interface AdamwAttrs {
  /**
   * The first elements of the parameter groups after the first, in order; multiples of four. Each group has its own hyperparameters.
   */
  readonly starts: readonly number[];
}

/**
 * One step of `torch.optim.AdamW` after `clip_grad_norm_`, in place on param, grad, m and v, all f32 [n]; then grad = 0.
 * hyper [8·groups], for each group [learning rate, β₁, β₂, ε, weight decay, 1−β₁ᵗ, 1−β₂ᵗ, norm limit (0 = off)], the norm
 * limit being the first group's. The gradient is grad / scale, with scale [1] a power of two (see lossscale), and norm [1] is its norm.
 * When the norm is not finite only grad changes, so that one overflow does not corrupt the adapter.
 *
 * The averages use β as f32, so the bias corrections must be those of `Math.fround(β)` (see `hyperAt`). 1−β is computed from the
 * same f32 number and is exact for β of 0.5 or more (Sterbenz's lemma).
 */
export const adamwOp = defineOp<AdamwAttrs>()({
  name: 'adamw',
  inputs: ['param', 'grad', 'm', 'v', 'hyper', 'norm', 'scale?'],
  outputs: ['param', 'grad', 'm', 'v'],
  updates: ['param', 'grad', 'm', 'v'],
  infer(inputs, { starts }) {
    const { param, grad, m, v, hyper, norm, scale } = inputs;
    const flat = [sizeOf(param.shape)];
    const state = [param, grad, m, v].every((spec) => isF32(spec, flat)) && starts.every((start) => start % 4 === 0);
    if (!state || !isF32(hyper, [8 * (starts.length + 1)]) || !isF32(norm, [1]) || (scale !== null && !isF32(scale, [1])))
      throw misfit('adamw', inputs, 'f32: param, grad, m and v [n], hyper [8·groups], norm [1], and scale [1] or none');
    return { param, grad, m, v };
  },
  gradient: null,
  twin({ param, grad, m, v, hyper, norm, scale }, { starts }) {
    const groups = Array.from(hyper.dataSync());
    const [limit = 0] = groups.slice(7);
    const clip = limit > 0 ? tf.minimum(tf.div(limit, tf.add(norm, 1e-6)), 1) : tf.scalar(1);
    const pieces = piecesOf([...starts, param.size]).map(({ group, start, size }) =>
      tf.tidy((): Moved => {
        const slice = (flat: tf.Tensor) => tf.slice(flat, [start], [size]);
        const before = { param: slice(param), m: slice(m), v: slice(v) };
        const unscaled = scale === null ? slice(grad) : tf.div(slice(grad), scale);
        const moved = step(groups.slice(8 * group, 8 * group + 8), { ...before, grad: tf.mul(unscaled, clip) });
        // NaN or 0, in the shape of the piece: tfjs would tile a condition [1], which takes most of the time on wasm.
        const finite = tf.isFinite(tf.add(tf.zeros([size]), tf.mul(norm, 0)));
        const kept = (part: keyof Moved) => tf.where(finite, moved[part], before[part]);
        return { param: kept('param'), m: kept('m'), v: kept('v') };
      }),
    );
    const join = (part: keyof Moved) => tf.concat(pieces.map((piece) => piece[part]));
    return { param: join('param'), grad: tf.zerosLike(grad), m: join('m'), v: join('v') };
  },
  cost: (use) => ({ flops: 17 * sizeOf(use.outputs.param.shape), bytes: bytesOf(use) }),
  launch({ inputs: { hyper, norm, scale }, outputs: { param, grad, m, v } }, { starts }, target) {
    const elements = [write(param), write(grad), write(m), write(v)];
    const whole = [read(hyper), read(norm), ...(scale ? [read(scale)] : [])];
    const ends = starts.map((start) => `${start}u`).join(', ');
    const groups = { GROUPED: starts.length > 0, GROUPS: starts.length + 1, ENDS: `array<u32, ${starts.length}>(${ends})` };
    const constants = { SCALED: scale !== null, ...(starts.length > 0 ? groups : { GROUPED: false }) };
    return elementwise({ label: 'adamw', source, size: sizeOf(param.shape), elements, whole, constants }, target);
  },
  processor({ inputs: { hyper, norm, scale }, outputs: { param, grad, m, v } }, { starts }) {
    const count = sizeOf(param.shape);
    const buffers = [param, grad, m, v, hyper, norm, scale].map(optional);
    return launchOf(perElement('adamw', count, [...buffers, [...starts, count], starts.length + 1]));
  },
});

/** The twin's pieces of a flat value, in elements: the intermediate tensors of one fit in a processor's cache. */
export const FLAT_PIECE = 2 ** 17;

/** The pieces of the groups that end at `ends`, none longer than `FLAT_PIECE`. */
function piecesOf(ends: readonly number[]): { readonly group: number; readonly start: number; readonly size: number }[] {
  return ends.flatMap((end, group) => {
    const first = ends[group - 1] ?? 0;
    return Array.from({ length: Math.ceil((end - first) / FLAT_PIECE) }, (_, i) => {
      const start = first + i * FLAT_PIECE;
      return { group, start, size: Math.min(FLAT_PIECE, end - start) };
    });
  });
}

type Moved = Record<'param' | 'm' | 'v', tf.Tensor>;

/** The update of a part of one group, by its hyperparameters. */
function step(
  [rate = 0, beta1 = 0, beta2 = 0, eps = 0, decay = 0, bias1 = 1, bias2 = 1]: readonly number[],
  { param, grad, m, v }: Record<keyof AdamwState, tf.Tensor>,
): Moved {
  const first = tf.add(m, tf.mul(tf.sub(grad, m), 1 - beta1));
  const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(grad), 1 - beta2));
  const denominator = tf.add(tf.div(tf.sqrt(second), Math.sqrt(bias2)), eps);
  const moved = tf.sub(tf.mul(param, 1 - rate * decay), tf.mul(tf.div(first, denominator), rate / bias1));
  return { param: moved, m: first, v: second };
}

export interface AdamwState {
  readonly param: Value;
  readonly grad: Value;
  readonly m: Value;
  readonly v: Value;
}

/** Updates `state` in place; see `adamwOp` for `hyper` [8·groups], `norm` [1], `scale` [1] and `starts`. */
export function adamw(
  builder: Builder,
  { param, grad, m, v }: AdamwState,
  hyper: Value,
  norm: Value,
  scale: Value | null = null,
  starts: readonly number[] = [],
): void {
  builder.apply(adamwOp, { param, grad, m, v, hyper, norm, scale }, { starts });
}
