/** The gated activation of Llama's feed-forward: silu(gate)·up, silu(z) = z·sigmoid(z). */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape, sizeOf } from '../src/core/shape';
import { bytesOf, hasVec4Rows, readTensor, required, writeTensor } from './lib/launch';
import type { Builder, Op, Spec, Value } from './op';
import { misfit, only } from './lib/rule';
import { elementwise } from './lib/elementwise';
import source from './swiglu.wgsl?raw';

/** [gate, up] of one shape, f32 → [silu(gate)·up]. */
export const swigluOp: Op = {
  name: 'swiglu',
  infer: (inputs) => [alike('swiglu', inputs, 2)],
  gradient(builder, { inputs: [gate = null, up = null] }, [dy = null], wanted) {
    const [dgate = null, dup = null] = dy === null ? [] : builder.apply(swigluBackwardOp, [gate, up, dy], {});
    return [wanted[0] ? dgate : null, wanted[1] ? dup : null];
  },
  twin(inputs) {
    const gate = required(inputs, 0, 'gate');
    return [tf.mul(tf.mul(gate, tf.sigmoid(gate)), required(inputs, 1, 'up'))];
  },
  f16: ({ outputs }) => ({ inputs: [0, 1], outputs: outputs.every(hasVec4Rows) ? [0] : [] }),
  cost: (use) => ({ flops: 5 * sizeOf(required(use.outputs, 0, 'y').shape), bytes: bytesOf(use) }),
  launch(use, _attrs, target) {
    const size = sizeOf(required(use.outputs, 0, 'y').shape);
    const elements = [readTensor(use, 0), readTensor(use, 1), writeTensor(use, 0)];
    return elementwise({ label: 'swiglu', source, size, elements, constants: { BACKWARD: false } }, target);
  },
};

/** [gate, up, dy] of one shape, f32 → [dgate, dup]. */
export const swigluBackwardOp: Op = {
  name: 'swiglu_backward',
  infer(inputs) {
    const spec = alike('swiglu_backward', inputs, 3);
    return [spec, spec];
  },
  gradient: null,
  twin(inputs) {
    const gate = required(inputs, 0, 'gate');
    const dy = required(inputs, 2, 'dy');
    const sigmoid = tf.sigmoid(gate);
    const slope = tf.mul(sigmoid, tf.add(1, tf.mul(gate, tf.sub(1, sigmoid))));
    return [tf.mul(tf.mul(dy, required(inputs, 1, 'up')), slope), tf.mul(dy, tf.mul(gate, sigmoid))];
  },
  f16: ({ outputs }) => ({ inputs: [0, 1, 2], outputs: outputs.every(hasVec4Rows) ? [0, 1] : [] }),
  cost: (use) => ({ flops: 11 * sizeOf(required(use.outputs, 0, 'dgate').shape), bytes: bytesOf(use) }),
  launch(use, _attrs, target) {
    const size = sizeOf(required(use.outputs, 0, 'dgate').shape);
    const elements = [...[0, 1, 2].map((i) => readTensor(use, i)), ...[0, 1].map((i) => writeTensor(use, i))];
    return elementwise({ label: 'swiglu_backward', source, size, elements, constants: { BACKWARD: true } }, target);
  },
};

/** silu(gate)·up, of any one shape. */
export function swiglu(builder: Builder, gate: Value, up: Value): Value {
  return only(builder.apply(swigluOp, [gate, up], {}));
}

function alike(op: string, inputs: readonly (Spec | null)[], count: number): Spec {
  const [first] = inputs;
  const fits =
    inputs.length === count && inputs.every((spec) => spec?.dtype === 'f32' && sameShape(spec.shape, first?.shape ?? []));
  if (!first || !fits) throw misfit(op, inputs, `${count} f32 tensors of one shape`);
  return { shape: first.shape, dtype: 'f32' };
}
