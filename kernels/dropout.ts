/** Dropout with counter-based random numbers: the mask is never stored, and the gradient computes the same mask again. */

import * as tf from '@tensorflow/tfjs-core';
import { internal } from '../src/core/errors';
import { uniform } from '../src/core/random';
import { sizeOf, type Shape } from '../src/core/shape';
import { f32 } from '../src/gpu/shader';
import source from './dropout.wgsl?raw';
import { elementwise } from './lib/elementwise';
import { bytesOf, hasVec4Rows, read, write } from './lib/launch';
import random from './lib/random.wgsl?raw';
import { launchOf, optional, perElement } from './lib/processor';
import { f32Spec, isF32, isI32, misfit } from './lib/rule';
import { defineOp, type Builder, type Value } from './op';

export interface DropoutAttrs {
  /** Fraction of the elements that become 0; at least 0, less than 1. */
  readonly rate: number;
  /** The random stream of this use, different from all others of a step; see `STREAM` in `src/core/random.ts`. */
  readonly stream: number;
}

/**
 * y = x/(1 − rate) where uniform(seed, step, stream, element) ≥ rate, else 0; x f32 of any shape. `seed` i32[2] holds the bits of
 * (seed, step).
 */
export const dropoutOp = defineOp<DropoutAttrs>()({
  name: 'dropout',
  inputs: ['x', 'seed'],
  outputs: ['y'],
  infer(inputs, { rate }) {
    const { shape } = inputs.x;
    if (!isF32(inputs.x, shape) || !isI32(inputs.seed, [2])) throw misfit('dropout', inputs, 'an f32 tensor and an i32[2]');
    if (!(rate >= 0 && rate < 1)) throw internal(`dropout: rate is ${rate}, expected at least 0 and less than 1`);
    return { y: f32Spec(shape) };
  },
  gradient: (builder, { inputs: { seed }, attrs }, { y: dy }, wanted) => ({
    x: wanted.x ? dropout(builder, dy, seed, attrs) : null,
    seed: null,
  }),
  twin: ({ x, seed }, attrs) => ({ y: tf.mul(x, factors(x.shape, seed.dataSync(), attrs)) }),
  f16: ({ outputs: { y } }) => ({ inputs: ['x'], outputs: hasVec4Rows(y) ? ['y'] : [] }),
  cost: (use) => ({ flops: 2 * sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x, seed }, outputs: { y } }, { rate, stream }, target) {
    const constants = { RATE: f32(rate), SCALE: f32(1 / (1 - rate)), STREAM: stream };
    const buffers = { size: sizeOf(y.shape), elements: [read(x), write(y)], whole: [read(seed)] };
    return elementwise({ label: 'dropout', source: `${random}\n${source}`, ...buffers, constants }, target);
  },
  processor({ inputs: { x, seed }, outputs: { y } }, { rate, stream }) {
    const numbers = [{ f32: rate }, { f32: 1 / (1 - rate) }, stream];
    return launchOf(perElement('dropout', sizeOf(y.shape), [...[x, seed, y].map(optional), ...numbers]));
  },
});

/** x with a fraction of `attrs.rate` of its elements set to 0 and the others scaled up to keep the mean. */
export function dropout(builder: Builder, x: Value, seed: Value, attrs: DropoutAttrs): Value {
  return builder.apply(dropoutOp, { x, seed }, attrs).y;
}

/** The factor of each element: 0 or 1/(1 − rate). The kernel compares in f32, so the rate is rounded to f32. */
function factors(shape: Shape, [seed = 0, step = 0]: Iterable<number>, { rate, stream }: DropoutAttrs): tf.Tensor {
  const threshold = Math.fround(rate);
  const kept = 1 / (1 - rate);
  const all = new Float32Array(sizeOf(shape));
  for (let e = 0; e < all.length; e++) {
    if (uniform(seed, step, stream, e) >= threshold) all[e] = kept;
  }
  return tf.tensor(all, [...shape]);
}
