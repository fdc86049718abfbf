/** Elementwise product of two tensors, or of a matrix and a factor for each of its columns. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { columnSum } from './column_sum';
import { elementwise } from './lib/elementwise';
import { bytesOf, hasVec4Rows, read, write } from './lib/launch';
import { launchOf, optional, perElement, perRows } from './lib/processor';
import { f32Spec, isActivation, isActivationOf, isF32, misfit } from './lib/rule';
import source from './mul.wgsl?raw';
import { defineOp, type Builder, type Spec, type Value } from './op';

/** y = a·b: a of any shape and b of the same, or a [M, N] and b f32 [N], which multiplies each row. */
export const mulOp = defineOp()({
  name: 'mul',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer(inputs) {
    byColumn(inputs);
    return { y: f32Spec(inputs.a.shape) };
  },
  gradient(builder, { inputs: { a, b } }, { y: dy }, wanted) {
    const ofB = () => (byColumn({ a, b }) ? columnSum(builder, mul(builder, dy, a)) : mul(builder, dy, a));
    return { a: wanted.a ? mul(builder, dy, b) : null, b: wanted.b ? ofB() : null };
  },
  twin: ({ a, b }) => ({ y: tf.mul(a, b) }),
  // Vectors are values of tokens or documents, which losses are made of.
  f16({ inputs, outputs: { y } }) {
    const names = byColumn(inputs) ? (['a'] as const) : (['a', 'b'] as const);
    const isF16 = names.every((name) => inputs[name].dtype === 'f16');
    return { inputs: y.shape.length > 1 ? names : [], outputs: isF16 && hasVec4Rows(y) ? ['y'] : [] };
  },
  cost: (use) => ({ flops: sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch({ inputs: { a, b }, outputs: { y } }, _attrs, target) {
    const BY_COLUMN = byColumn({ a, b });
    const elements = [read(a), write(y), ...(BY_COLUMN ? [] : [read(b)])];
    const constants = { BY_COLUMN, COLUMNS: sizeOf(b.shape) };
    const whole = BY_COLUMN ? [read(b)] : [];
    return elementwise({ label: 'mul', source, size: sizeOf(y.shape), elements, whole, constants }, target);
  },
  processor({ inputs: { a, b }, outputs: { y } }) {
    if (!byColumn({ a, b })) return launchOf(perElement('mul', sizeOf(y.shape), [a, b, y].map(optional)));
    const [rows = 0, columns = 0] = y.shape;
    return launchOf(perRows('column_affine', rows, columns, [...[a, b, null, null, y].map(optional), columns]));
  },
});

/** a·b, both of the same shape, or b with a factor for each column of a. */
export function mul(builder: Builder, a: Value, b: Value): Value {
  return builder.apply(mulOp, { a, b }, {}).y;
}

/** Whether b has one factor for each column, after checking both. */
function byColumn(inputs: { readonly a: Spec; readonly b: Spec }): boolean {
  const { a, b } = inputs;
  const same = isActivationOf(b, a.shape);
  if (isActivation(a) && same) return false;
  if (!isActivation(a) || a.shape.length !== 2 || !isF32(b, a.shape.slice(1)))
    throw misfit('mul', { ...inputs }, 'a f32|f16, and b of the same shape or f32[N] for the N columns of a matrix a');
  return true;
}
