/** In-place addition: accumulates the gradients of micro-batches. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import source from './accumulate.wgsl?raw';
import { elementwise } from './lib/elementwise';
import { bytesOf, read, write } from './lib/launch';
import { f32Spec, isF32, misfit } from './lib/rule';
import { defineOp, type Builder, type Value } from './op';

/** state += x, both f32 of one shape. */
export const accumulateOp = defineOp()({
  name: 'accumulate',
  inputs: ['state', 'x'],
  outputs: ['state'],
  updates: ['state'],
  infer(inputs) {
    const { shape } = inputs.state;
    if (!isF32(inputs.state, shape) || !isF32(inputs.x, shape))
      throw misfit('accumulate', inputs, 'two f32 tensors of one shape');
    return { state: f32Spec(shape) };
  },
  gradient: null,
  twin: ({ state, x }) => ({ state: tf.add(state, x) }),
  cost: (use) => ({ flops: sizeOf(use.outputs.state.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x }, outputs: { state } }, _attrs, target) {
    const elements = [write(state), read(x)];
    return elementwise({ label: 'accumulate', source, size: sizeOf(state.shape), elements }, target);
  },
});

/** Adds x to `state`, of the same shape, in place. */
export function accumulate(builder: Builder, state: Value, x: Value): Value {
  return builder.apply(accumulateOp, { state, x }, {}).state;
}
