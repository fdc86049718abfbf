/** Multiplication by a scalar that lives on the device. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape, sizeOf } from '../src/core/shape';
import { bytesOf, hasVec4Rows, readInput, readTensor, required, writeTensor } from './lib/launch';
import type { Builder, Op, Value } from './op';
import { misfit, notTrained, only } from './lib/rule';
import source from './scale.wgsl?raw';
import { elementwise } from './lib/elementwise';

/** [x of any shape, s [1]], f32 → [x·s[0]]. Differentiable in x only. */
export const scaleOp: Op = {
  name: 'scale',
  infer(inputs) {
    const [x, s] = inputs;
    if (x?.dtype !== 'f32' || s?.dtype !== 'f32' || !sameShape(s.shape, [1]))
      throw misfit('scale', inputs, 'an f32 tensor and an f32[1]');
    return [{ shape: x.shape, dtype: 'f32' }];
  },
  gradient(builder, use, [dy = null], wanted) {
    if (wanted[1]) throw notTrained('scale', 's');
    if (dy === null || !wanted[0]) return [null, null];
    return [scale(builder, dy, required(use.inputs, 1, 's')), null];
  },
  twin: (inputs) => [tf.mul(required(inputs, 0, 'x'), required(inputs, 1, 's'))],
  f16: ({ outputs }) => ({ inputs: [0], outputs: outputs.every(hasVec4Rows) ? [0] : [] }),
  cost: (use) => ({ flops: sizeOf(required(use.outputs, 0, 'y').shape), bytes: bytesOf(use) }),
  launch(use, _attrs, target) {
    const size = sizeOf(required(use.outputs, 0, 'y').shape);
    const elements = [readTensor(use, 0), writeTensor(use, 0)];
    return elementwise({ label: 'scale', source, size, elements, whole: [readInput(1)] }, target);
  },
};

/** x times the one number of `s` (shape [1]). */
export function scale(builder: Builder, x: Value, s: Value): Value {
  return only(builder.apply(scaleOp, [x, s], {}));
}
