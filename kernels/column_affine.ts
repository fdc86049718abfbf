/** A factor and a shift for each column of a matrix, and a sum, in one pass: DoRA's magnitudes, IA³'s vectors. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import source from './column_affine.wgsl?raw';
import { columnSum } from './column_sum';
import { elementwise } from './lib/elementwise';
import { bytesOf, hasVec4Rows, read, write } from './lib/launch';
import { launchOf, optional, perRows } from './lib/processor';
import { f32Spec, isActivation, isActivationOf, isF32, matrixOf, misfit } from './lib/rule';
import { mul } from './mul';
import { defineOp, type Builder, type Value } from './op';

/** y = x·factor + shift + addend: x f32|f16 [M, N], factor f32 [N], and optionally shift f32 [N] and addend f32|f16 [M, N]. */
export const columnAffineOp = defineOp()({
  name: 'column_affine',
  inputs: ['x', 'factor', 'shift?', 'addend?'],
  outputs: ['y'],
  infer(inputs) {
    const { x, factor, shift, addend } = inputs;
    const [, N = 0] = matrixOf(x) ?? [];
    const columns = isF32(factor, [N]) && (shift === null || isF32(shift, [N]));
    if (!isActivation(x) || N === 0 || !columns || (addend !== null && !isActivationOf(addend, x.shape)))
      throw misfit('column_affine', inputs, 'x f32|f16[M, N], factor f32[N], shift f32[N] or none, addend f32|f16[M, N] or none');
    return { y: f32Spec(x.shape) };
  },
  gradient: (builder, { inputs: { x, factor } }, { y: dy }, wanted) => ({
    x: wanted.x ? mul(builder, dy, factor) : null,
    factor: wanted.factor ? columnSum(builder, mul(builder, dy, x)) : null,
    shift: wanted.shift ? columnSum(builder, dy) : null,
    addend: wanted.addend ? dy : null,
  }),
  twin({ x, factor, shift, addend }) {
    const scaled = tf.mul(x, factor);
    const shifted = shift === null ? scaled : tf.add(scaled, shift);
    return { y: addend === null ? shifted : tf.add(shifted, addend) };
  },
  // A sum with the residual stream stays f32.
  f16: ({ inputs: { addend }, outputs: { y } }) => ({
    inputs: ['x', 'addend'],
    outputs: hasVec4Rows(y) && addend?.dtype !== 'f32' ? ['y'] : [],
  }),
  cost: (use) => ({ flops: 3 * sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x, factor, shift, addend }, outputs: { y } }, _attrs, target) {
    const elements = [read(x), write(y), ...(addend === null ? [] : [read(addend)])];
    const whole = [read(factor), ...(shift === null ? [] : [read(shift)])];
    const constants = { ADDEND: addend !== null, SHIFT: shift !== null, COLUMNS: sizeOf(factor.shape) };
    return elementwise({ label: 'column_affine', source, size: sizeOf(y.shape), elements, whole, constants }, target);
  },
  processor({ inputs: { x, factor, shift, addend }, outputs: { y } }) {
    const [rows, columns] = matrixOf(y) ?? [0, 0];
    return launchOf(perRows('column_affine', rows, columns, [...[x, factor, shift, addend, y].map(optional), columns]));
  },
});

export interface ColumnAffine {
  readonly factor: Value;
  readonly shift?: Value | null;
  readonly addend?: Value | null;
}

/** x·factor + shift + addend; see `columnAffineOp`. */
export function columnAffine(builder: Builder, x: Value, { factor, shift = null, addend = null }: ColumnAffine): Value {
  return builder.apply(columnAffineOp, { x, factor, shift, addend }, {}).y;
}
