/** Elementwise sum. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import source from './add.wgsl?raw';
import { elementwise } from './lib/elementwise';
import { bytesOf, read, write } from './lib/launch';
import { launchOf, optional, perElement } from './lib/processor';
import { f32Spec, isF32, misfit } from './lib/rule';
import { defineOp, type Builder, type Value } from './op';

/** sum = a + b, all f32 of one shape. */
export const addOp = defineOp()({
  name: 'add',
  inputs: ['a', 'b'],
  outputs: ['sum'],
  infer(inputs) {
    const { shape } = inputs.a;
    if (!isF32(inputs.a, shape) || !isF32(inputs.b, shape)) throw misfit('add', inputs, 'two f32 tensors of one shape');
    return { sum: f32Spec(shape) };
  },
  gradient: (_builder, _use, { sum }, wanted) => ({ a: wanted.a ? sum : null, b: wanted.b ? sum : null }),
  twin: ({ a, b }) => ({ sum: tf.add(a, b) }),
  // A sum with an f32 part, such as the gradient of the residual stream, stays f32.
  f16: ({ inputs: { a, b } }) => ({ inputs: ['a', 'b'], outputs: a.dtype === 'f16' && b.dtype === 'f16' ? ['sum'] : [] }),
  cost: (use) => ({ flops: sizeOf(use.outputs.sum.shape), bytes: bytesOf(use) }),
  launch({ inputs: { a, b }, outputs: { sum } }, _attrs, target) {
    const elements = [read(a), read(b), write(sum)];
    return elementwise({ label: 'add', source, size: sizeOf(sum.shape), elements }, target);
  },
  processor: ({ inputs: { a, b }, outputs: { sum } }) =>
    launchOf(perElement('add', sizeOf(sum.shape), [a, b, sum].map(optional))),
});

/** a + b, both of the same shape. */
export function add(builder: Builder, a: Value, b: Value): Value {
  return builder.apply(addOp, { a, b }, {}).sum;
}
