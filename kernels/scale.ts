/** Multiplication by a scalar that is on the device. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { elementwise } from './lib/elementwise';
import { bytesOf, hasVec4Rows, read, write } from './lib/launch';
import { f32Spec, isF32, misfit, notTrained } from './lib/rule';
import { defineOp, type Builder, type Value } from './op';
import source from './scale.wgsl?raw';

/** y = x·s[0], with x of any shape and s [1], f32. Differentiable in x. */
export const scaleOp = defineOp()({
  name: 'scale',
  inputs: ['x', 's'],
  outputs: ['y'],
  infer(inputs) {
    const { shape } = inputs.x;
    if (!isF32(inputs.x, shape) || !isF32(inputs.s, [1])) throw misfit('scale', inputs, 'an f32 tensor and an f32[1]');
    return { y: f32Spec(shape) };
  },
  gradient(builder, { inputs }, { y: dy }, wanted) {
    if (wanted.s) throw notTrained('scale', 's');
    return { x: wanted.x ? scale(builder, dy, inputs.s) : null, s: null };
  },
  twin: ({ x, s }) => ({ y: tf.mul(x, s) }),
  f16: ({ outputs: { y } }) => ({ inputs: ['x'], outputs: hasVec4Rows(y) ? ['y'] : [] }),
  cost: (use) => ({ flops: sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x, s }, outputs: { y } }, _attrs, target) {
    const elements = [read(x), write(y)];
    return elementwise({ label: 'scale', source, size: sizeOf(y.shape), elements, whole: [read(s)] }, target);
  },
});

/** x times the number in `s` [1]. */
export function scale(builder: Builder, x: Value, s: Value): Value {
  return builder.apply(scaleOp, { x, s }, {}).y;
}
