/** Elementwise sum. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape, sizeOf } from '../src/core/shape';
import source from './add.wgsl?raw';
import { bytesOf, readTensor, required, writeTensor } from './lib/launch';
import type { Builder, Op, Value } from './op';
import { misfit, only } from './lib/rule';
import { elementwise } from './lib/elementwise';

/** [a, b] of one shape, f32 → [a + b]. */
export const addOp: Op = {
  name: 'add',
  infer(inputs) {
    const [a, b] = inputs;
    if (a?.dtype !== 'f32' || b?.dtype !== 'f32' || !sameShape(a.shape, b.shape))
      throw misfit('add', inputs, 'two f32 tensors of one shape');
    return [{ shape: a.shape, dtype: 'f32' }];
  },
  gradient: (_builder, _use, [dy = null], wanted) => [wanted[0] ? dy : null, wanted[1] ? dy : null],
  twin: (inputs) => [tf.add(required(inputs, 0, 'a'), required(inputs, 1, 'b'))],
  // Where one part is in f32, as a residual's gradient is, so is the sum.
  f16: ({ inputs }) => ({ inputs: [0, 1], outputs: inputs.every((spec) => spec?.dtype === 'f16') ? [0] : [] }),
  cost: (use) => ({ flops: sizeOf(required(use.outputs, 0, 'sum').shape), bytes: bytesOf(use) }),
  launch(use, _attrs, target) {
    const size = sizeOf(required(use.outputs, 0, 'sum').shape);
    return elementwise(
      { label: 'add', source, size, elements: [readTensor(use, 0), readTensor(use, 1), writeTensor(use, 0)] },
      target,
    );
  },
};

/** a + b, of any one shape. */
export function add(builder: Builder, a: Value, b: Value): Value {
  return only(builder.apply(addOp, [a, b], {}));
}
