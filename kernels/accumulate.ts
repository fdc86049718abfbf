/** Addition in place: gradients of micro-batches gather in a state. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape, sizeOf } from '../src/core/shape';
import source from './accumulate.wgsl?raw';
import { bytesOf, readInput, required, writeOutput } from './lib/launch';
import type { Builder, Op, Value } from './op';
import { misfit, only } from './lib/rule';
import { elementwise } from './lib/elementwise';

/** [state, x] of one shape, f32 → [state + x], in the state's buffer. */
export const accumulateOp: Op = {
  name: 'accumulate',
  updates: [0],
  infer(inputs) {
    const [state, x] = inputs;
    if (state?.dtype !== 'f32' || x?.dtype !== 'f32' || !sameShape(state.shape, x.shape))
      throw misfit('accumulate', inputs, 'two f32 tensors of one shape');
    return [{ shape: state.shape, dtype: 'f32' }];
  },
  gradient: null,
  twin: (inputs) => [tf.add(required(inputs, 0, 'state'), required(inputs, 1, 'x'))],
  cost: (use) => ({ flops: sizeOf(required(use.outputs, 0, 'state').shape), bytes: bytesOf(use) }),
  launch(use, _attrs, target) {
    const size = sizeOf(required(use.outputs, 0, 'state').shape);
    return elementwise({ label: 'accumulate', source, size, elements: [writeOutput(0), readInput(1)] }, target);
  },
};

/** Adds x to `state`, of the same shape, in place. */
export function accumulate(builder: Builder, state: Value, x: Value): Value {
  return only(builder.apply(accumulateOp, [state, x], {}));
}
