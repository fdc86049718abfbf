/** In-place addition: accumulates the gradients of micro-batches. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import source from './accumulate.wgsl?raw';
import { elementwise } from './lib/elementwise';
import { bytesOf, read, write } from './lib/launch';
import { launchOf, optional, perElement } from './lib/processor';
import { f32Spec, isF32, misfit } from './lib/rule';
import { defineOp, type Builder, type Value } from './op';

/** state += x, or state += factor[0]·x; all f32, state and x of one shape, factor [1]. */
export const accumulateOp = defineOp()({
  name: 'accumulate',
  inputs: ['state', 'x', 'factor?'],
  outputs: ['state'],
  updates: ['state'],
  infer(inputs) {
    const { state, x, factor } = inputs;
    if (!isF32(state, state.shape) || !isF32(x, state.shape) || (factor !== null && !isF32(factor, [1])))
      throw misfit('accumulate', inputs, 'two f32 tensors of one shape, and a factor f32[1] or none');
    return { state: f32Spec(state.shape) };
  },
  gradient: null,
  twin: ({ state, x, factor }) => ({ state: tf.add(state, factor === null ? x : tf.mul(x, factor)) }),
  cost: (use) => ({ flops: sizeOf(use.outputs.state.shape) * (use.inputs.factor === null ? 1 : 2), bytes: bytesOf(use) }),
  launch({ inputs: { x, factor }, outputs: { state } }, _attrs, target) {
    const elements = [write(state), read(x)];
    const whole = factor === null ? [] : [read(factor)];
    const constants = { SCALED: factor !== null };
    return elementwise({ label: 'accumulate', source, size: sizeOf(state.shape), elements, whole, constants }, target);
  },
  processor: ({ inputs: { x, factor }, outputs: { state } }) =>
    launchOf(perElement('accumulate', sizeOf(state.shape), [state, x, factor].map(optional))),
});

/** Adds x, or factor[0]·x, to `state`, of the same shape, in place. */
export function accumulate(builder: Builder, state: Value, x: Value, factor: Value | null = null): Value {
  return builder.apply(accumulateOp, { state, x, factor }, {}).state;
}
