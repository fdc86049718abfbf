/** Dropout with counter-based random numbers: the mask is never stored, the gradient draws it again. */

import * as tf from '@tensorflow/tfjs-core';
import { internal } from '../src/core/errors';
import { uniform } from '../src/core/random';
import { sameShape, sizeOf, type Shape } from '../src/core/shape';
import { f32 } from '../src/gpu/shader';
import source from './dropout.wgsl?raw';
import { bytesOf, hasVec4Rows, readInput, readTensor, required, writeTensor } from './lib/launch';
import type { Builder, Op, Value } from './op';
import random from './lib/random.wgsl?raw';
import { misfit, only } from './lib/rule';
import { elementwise } from './lib/elementwise';

export interface DropoutAttrs {
  /** Share of the elements that become 0; at least 0, less than 1. */
  readonly rate: number;
  /** Tells this use from the others of one step; see `STREAM` in `src/core/random.ts`. */
  readonly stream: number;
}

/** [x of any shape f32, seed i32[2] = bits of (seed, step)] → [y]: element e lives iff uniform(seed, step, stream, e) ≥ rate. */
export const dropoutOp: Op<DropoutAttrs> = {
  name: 'dropout',
  infer(inputs, { rate }) {
    const [x, seed] = inputs;
    if (x?.dtype !== 'f32' || seed?.dtype !== 'i32' || !sameShape(seed.shape, [2]))
      throw misfit('dropout', inputs, 'an f32 tensor and an i32[2]');
    if (!(rate >= 0 && rate < 1)) throw internal(`dropout: rate is ${rate}, expected at least 0 and less than 1`);
    return [{ shape: x.shape, dtype: 'f32' }];
  },
  gradient(builder, { inputs, attrs }, [dy = null], wanted) {
    if (dy === null || !wanted[0]) return [null, null];
    return [dropout(builder, dy, required(inputs, 1, 'seed'), attrs), null];
  },
  twin(inputs, attrs) {
    const x = required(inputs, 0, 'x');
    return [tf.mul(x, mask(x.shape, required(inputs, 1, 'seed').dataSync(), attrs))];
  },
  f16: ({ outputs }) => ({ inputs: [0], outputs: outputs.every(hasVec4Rows) ? [0] : [] }),
  cost: (use) => ({ flops: 2 * sizeOf(required(use.outputs, 0, 'y').shape), bytes: bytesOf(use) }),
  launch(use, { rate, stream }, target) {
    const size = sizeOf(required(use.outputs, 0, 'y').shape);
    const constants = { RATE: f32(rate), SCALE: f32(1 / (1 - rate)), STREAM: stream };
    const elements = [readTensor(use, 0), writeTensor(use, 0)];
    return elementwise(
      { label: 'dropout', source: `${random}\n${source}`, size, elements, whole: [readInput(1)], constants },
      target,
    );
  },
};

/** x with `attrs.rate` of its elements set to 0 and the others scaled up to keep the mean. */
export function dropout(builder: Builder, x: Value, seed: Value, attrs: DropoutAttrs): Value {
  return only(builder.apply(dropoutOp, [x, seed], attrs));
}

/** What each element is multiplied by. The kernel compares in f32, so the rate is rounded here too. */
function mask(shape: Shape, [seed = 0, step = 0]: Iterable<number>, { rate, stream }: DropoutAttrs): tf.Tensor {
  const threshold = Math.fround(rate);
  const kept = 1 / (1 - rate);
  const factors = new Float32Array(sizeOf(shape));
  for (let e = 0; e < factors.length; e++) {
    if (uniform(seed, step, stream, e) >= threshold) factors[e] = kept;
  }
  return tf.tensor(factors, [...shape]);
}
