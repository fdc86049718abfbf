/** Rotary position embedding (Su et al., arXiv 2104.09864) in Hugging Face's `rotate_half` layout. */

import * as tf from '@tensorflow/tfjs-core';
import { internal } from '../src/core/errors';
import { sameShape, sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import { bytesOf, linearGrid, readInput, readTensor, required, writeTensor } from './lib/launch';
import type { Builder, Dispatch, Op, Use, Value } from './op';
import source from './rope.wgsl?raw';
import { matrixOf, misfit, notTrained } from './lib/rule';
import { bindRange, rowRanges, type ItemRange } from './lib/binding-ranges';
import { withTensors } from './lib/tensors';

export interface RopeAttrs {
  /** D, even. */
  readonly headSize: number;
  /** Turns back by the angle instead of forward; that is the gradient. */
  readonly inverse: boolean;
}

/**
 * [x [M, H·D] f32, other [M, H'·D] f32 or null, positions i32[M], cos [P, D/2] f32, sin [P, D/2] f32] → [y [M, H·D]], and
 * [y' [M, H'·D]] of `other`: q and k turn in one dispatch. With the tables' row at the token's position,
 * y_i = x_i·cos_i − x_{i+D/2}·sin_i and y_{i+D/2} = x_{i+D/2}·cos_i + x_i·sin_i. Positions must be below P.
 */
export const ropeOp: Op<RopeAttrs> = {
  name: 'rope',
  infer(inputs, { headSize }) {
    const [x, other, positions, cos, sin] = inputs;
    const [tokens = 0] = matrixOf(x) ?? [];
    const turned = [x, other].filter((spec) => spec != null);
    const table = matrixOf(cos)?.[1] === headSize / 2 && sameShape(cos?.shape ?? [], sin?.shape ?? []);
    const typed = [...turned, cos, sin].every((spec) => spec?.dtype === 'f32') && positions?.dtype === 'i32';
    const heads = turned.every(({ shape: [rows, width = 0] }) => rows === tokens && width > 0 && width % headSize === 0);
    if (!typed || !table || !heads || !sameShape(positions.shape, [tokens]) || headSize % 2 !== 0)
      throw misfit('rope', inputs, `one or two f32[M, H·${headSize}], i32[M] and two f32[P, ${headSize}/2], the head size even`);
    return turned.map(({ shape }) => ({ shape, dtype: 'f32' }));
  },
  gradient(builder, { inputs, attrs }, cotangents, wanted) {
    if (wanted[3] || wanted[4]) throw notTrained('rope', 'the tables');
    const [dx, other] = [0, 1].map((i) => (wanted[i] ? (cotangents[i] ?? null) : null));
    const back = { ...attrs, inverse: !attrs.inverse };
    const turned = [dx, other].filter((value) => value != null);
    const [first, second = null] = turned;
    if (first === undefined) return inputs.map(() => null);
    const made = builder.apply(ropeOp, [first, second, ...inputs.slice(2)], back);
    const of = (value: Value | null | undefined) => made[turned.findIndex((each) => each === value)] ?? null;
    return [of(dx), of(other), null, null, null];
  },
  twin(inputs, { headSize, inverse }) {
    const positions = required(inputs, 2, 'positions');
    const rows = (i: number) => tf.reshape(tf.gather(required(inputs, i, 'table'), positions), [-1, 1, headSize / 2]);
    const cos = rows(3);
    const sin = inverse ? tf.neg(rows(4)) : rows(4);
    return inputs.slice(0, 2).flatMap((x) => (x === null ? [] : [turn(x, cos, sin, headSize)]));
  },
  f16: ({ outputs }, { headSize }) => ({ inputs: [0, 1], outputs: headSize % 8 === 0 ? outputs.map((_, i) => i) : [] }),
  cost: (use) => ({ flops: use.outputs.reduce((sum, y) => sum + 3 * sizeOf(y.shape), 0), bytes: bytesOf(use) }),
  launch(use, attrs, target) {
    const { inputs, outputs } = use;
    const widths = outputs.map(({ shape: [, width = 0] }) => width);
    const [tokens = 0] = required(inputs, 0, 'x').shape;
    const parts = rowRanges(tokens, 4 * Math.max(...widths), target.maxBindingBytes);
    return { scratch: [], dispatches: parts.map((span) => dispatch(use, span, widths, attrs)) };
  },
};

/** Turns every head of q and of k by its token's position. */
export function rope(
  builder: Builder,
  q: Value,
  k: Value,
  { positions, cos, sin }: { readonly positions: Value; readonly cos: Value; readonly sin: Value },
  headSize: number,
): { readonly q: Value; readonly k: Value } {
  const [turnedQ, turnedK] = builder.apply(ropeOp, [q, k, positions, cos, sin], { headSize, inverse: false });
  if (turnedQ === undefined || turnedK === undefined) throw internal('rope of two without two results');
  return { q: turnedQ, k: turnedK };
}

/** Every head of x [M, H·D] turned by the angles of its token, [M, 1, D/2]. */
function turn(x: tf.Tensor, cos: tf.Tensor, sin: tf.Tensor, headSize: number): tf.Tensor {
  const [tokens = 0] = x.shape;
  const halves = tf.split(tf.reshape(x, [tokens, -1, headSize]), 2, 2);
  const a = required(halves, 0, 'lower half');
  const b = required(halves, 1, 'upper half');
  const turned = [tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))];
  return tf.reshape(tf.concat(turned, 2), x.shape);
}

/** The tokens of `span`, of one tensor or two, `widths` wide. */
function dispatch(use: Use, span: ItemRange, widths: readonly number[], { headSize, inverse }: RopeAttrs): Dispatch {
  const VECTOR = headSize % 8 === 0;
  const HALF = VECTOR ? headSize / 8 : headSize / 2;
  const [HEADS = 0, OTHER_HEADS = 0] = widths.map((width) => width / headSize);
  const COUNT = span.count * (HEADS + OTHER_HEADS) * HALF;
  const { workgroups, stride } = linearGrid(COUNT, 256);
  const sizes = { VECTOR, HALF, HEADS, OTHER_HEADS, PAIR: widths.length === 2, FIRST: span.count * HEADS * HALF };
  const constants = { ...sizes, COUNT, GRID: stride, INVERSE: inverse };
  const bindings = [
    bindRange(readInput(2), span, 4),
    readInput(3),
    readInput(4),
    ...widths.flatMap((width, i) => [
      bindRange(readTensor(use, i), span, 4 * width),
      bindRange(writeTensor(use, i), span, 4 * width),
    ]),
  ];
  return { shader: specialise('rope', withTensors(source, bindings, constants), 'main', constants), workgroups, bindings };
}
