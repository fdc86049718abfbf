/** Rotary position embedding (Su et al., arXiv 2104.09864) in Hugging Face's `rotate_half` layout. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape, sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import { bytesOf, linearGrid, readInput, required, writeOutput } from './launch';
import type { Builder, Dispatch, Op, Value } from './op';
import source from './rope.wgsl?raw';
import { matrixOf, misfit, notTrained, only } from './rule';
import { slice, spans, type Span } from './spans';

export interface RopeAttrs {
  /** D, even. */
  readonly headSize: number;
  /** Turns back by the angle instead of forward; that is the gradient. */
  readonly inverse: boolean;
}

/**
 * [x [M, H·D] f32, positions i32[M], cos [P, D/2] f32, sin [P, D/2] f32] → [y [M, H·D]]. With the tables' row at the token's
 * position, y_i = x_i·cos_i − x_{i+D/2}·sin_i and y_{i+D/2} = x_{i+D/2}·cos_i + x_i·sin_i. Positions must be below P.
 */
export const ropeOp: Op<RopeAttrs> = {
  name: 'rope',
  infer(inputs, { headSize }) {
    const [x, positions, cos, sin] = inputs;
    const [tokens = 0, width = 0] = matrixOf(x) ?? [];
    const table = matrixOf(cos)?.[1] === headSize / 2 && sameShape(cos?.shape ?? [], sin?.shape ?? []);
    const typed = [x, cos, sin].every((spec) => spec?.dtype === 'f32') && positions?.dtype === 'i32';
    if (!typed || !table || !sameShape(positions.shape, [tokens]) || headSize % 2 !== 0 || width % headSize !== 0)
      throw misfit('rope', inputs, `f32[M, H·${headSize}], i32[M] and two f32[P, ${headSize}/2], the head size even`);
    return [{ shape: [tokens, width], dtype: 'f32' }];
  },
  gradient(builder, { inputs, attrs }, [dy = null], wanted) {
    if (wanted[2] || wanted[3]) throw notTrained('rope', 'the tables');
    if (dy === null || !wanted[0]) return [null, null, null, null];
    const back = { ...attrs, inverse: !attrs.inverse };
    return [only(builder.apply(ropeOp, [dy, ...inputs.slice(1)], back)), null, null, null];
  },
  twin(inputs, { headSize, inverse }) {
    const x = required(inputs, 0, 'x');
    const positions = required(inputs, 1, 'positions');
    const rows = (i: number) => tf.reshape(tf.gather(required(inputs, i, 'table'), positions), [-1, 1, headSize / 2]);
    const cos = rows(2);
    const sin = inverse ? tf.neg(rows(3)) : rows(3);
    const halves = tf.split(tf.reshape(x, [positions.size, -1, headSize]), 2, 2);
    const a = required(halves, 0, 'lower half');
    const b = required(halves, 1, 'upper half');
    const turned = [tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))];
    return [tf.reshape(tf.concat(turned, 2), x.shape)];
  },
  cost: (use) => ({ flops: 3 * sizeOf(required(use.outputs, 0, 'y').shape), bytes: bytesOf(use) }),
  launch(use, attrs, target) {
    const [tokens = 0, width = 0] = required(use.outputs, 0, 'y').shape;
    const parts = spans(tokens, 4 * width, target.maxBindingBytes);
    return { scratch: [], dispatches: parts.map((span) => dispatch(span, width, attrs)) };
  },
};

/** Turns every head of x by its token's position. */
export function rope(builder: Builder, x: Value, positions: Value, cos: Value, sin: Value, headSize: number): Value {
  return only(builder.apply(ropeOp, [x, positions, cos, sin], { headSize, inverse: false }));
}

function dispatch(span: Span, width: number, { headSize, inverse }: RopeAttrs): Dispatch {
  const VECTOR = headSize % 8 === 0;
  const HALF = VECTOR ? headSize / 8 : headSize / 2;
  const HEADS = width / headSize;
  const COUNT = span.count * HEADS * HALF;
  const { workgroups, stride } = linearGrid(COUNT, 256);
  return {
    shader: specialise('rope', source, 'main', { VECTOR, HALF, HEADS, COUNT, GRID: stride, INVERSE: inverse }),
    workgroups,
    bindings: [
      slice(readInput(0), span, 4 * width),
      slice(readInput(1), span, 4),
      slice(writeOutput(0), span, 4 * width),
      readInput(2),
      readInput(3),
    ],
  };
}
