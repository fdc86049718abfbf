/** The gated activation of Llama's feed-forward layer: silu(gate)·up with silu(z) = z·sigmoid(z). */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { elementwise } from './lib/elementwise';
import { bytesOf, hasVec4Rows, read, write } from './lib/launch';
import { launchOf, optional, perElement } from './lib/processor';
import { f32Spec, isF32, misfit } from './lib/rule';
import { defineOp, type Builder, type Value } from './op';
import source from './swiglu.wgsl?raw';

/** y = silu(gate)·up, all f32 of one shape. */
export const swigluOp = defineOp()({
  name: 'swiglu',
  inputs: ['gate', 'up'],
  outputs: ['y'],
  infer(inputs) {
    const { shape } = inputs.gate;
    if (!isF32(inputs.gate, shape) || !isF32(inputs.up, shape)) throw misfit('swiglu', inputs, 'two f32 tensors of one shape');
    return { y: f32Spec(shape) };
  },
  gradient(builder, { inputs: { gate, up } }, { y: dy }, wanted) {
    const { dgate, dup } = builder.apply(swigluBackwardOp, { gate, up, dy }, {});
    return { gate: wanted.gate ? dgate : null, up: wanted.up ? dup : null };
  },
  twin: ({ gate, up }) => ({ y: tf.mul(tf.mul(gate, tf.sigmoid(gate)), up) }),
  f16: ({ outputs: { y } }) => ({ inputs: ['gate', 'up'], outputs: hasVec4Rows(y) ? ['y'] : [] }),
  cost: (use) => ({ flops: 5 * sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch({ inputs: { gate, up }, outputs: { y } }, _attrs, target) {
    const elements = [read(gate), read(up), write(y)];
    return elementwise({ label: 'swiglu', source, size: sizeOf(y.shape), elements, constants: { BACKWARD: false } }, target);
  },
  processor: ({ inputs: { gate, up }, outputs: { y } }) =>
    launchOf(perElement('swiglu', sizeOf(y.shape), [gate, up, y].map(optional))),
});

/** The gradients of `swiglu` for gate, up and dy of one shape, f32. */
export const swigluBackwardOp = defineOp()({
  name: 'swiglu_backward',
  inputs: ['gate', 'up', 'dy'],
  outputs: ['dgate', 'dup'],
  infer(inputs) {
    const { shape } = inputs.gate;
    if (![inputs.gate, inputs.up, inputs.dy].every((spec) => isF32(spec, shape)))
      throw misfit('swiglu_backward', inputs, 'three f32 tensors of one shape');
    return { dgate: f32Spec(shape), dup: f32Spec(shape) };
  },
  gradient: null,
  twin({ gate, up, dy }) {
    const sigmoid = tf.sigmoid(gate);
    const slope = tf.mul(sigmoid, tf.add(1, tf.mul(gate, tf.sub(1, sigmoid))));
    return { dgate: tf.mul(tf.mul(dy, up), slope), dup: tf.mul(dy, tf.mul(gate, sigmoid)) };
  },
  f16: ({ outputs: { dgate } }) => ({ inputs: ['gate', 'up', 'dy'], outputs: hasVec4Rows(dgate) ? ['dgate', 'dup'] : [] }),
  cost: (use) => ({ flops: 11 * sizeOf(use.outputs.dgate.shape), bytes: bytesOf(use) }),
  launch({ inputs: { gate, up, dy }, outputs: { dgate, dup } }, _attrs, target) {
    const elements = [read(gate), read(up), read(dy), write(dgate), write(dup)];
    const size = sizeOf(dgate.shape);
    return elementwise({ label: 'swiglu_backward', source, size, elements, constants: { BACKWARD: true } }, target);
  },
  processor: ({ inputs: { gate, up, dy }, outputs: { dgate, dup } }) =>
    launchOf(perElement('swiglu_backward', sizeOf(dgate.shape), [gate, up, dy, dgate, dup].map(optional))),
});

/** silu(gate)·up, both of the same shape. */
export function swiglu(builder: Builder, gate: Value, up: Value): Value {
  return builder.apply(swigluOp, { gate, up }, {}).y;
}
