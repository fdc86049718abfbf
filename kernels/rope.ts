/** Rotary position embedding (Su et al., arXiv 2104.09864) in Hugging Face's `rotate_half` layout. */

import * as tf from '@tensorflow/tfjs-core';
import { internal } from '../src/core/errors';
import { sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import { bindRange, rowRanges, type ItemRange } from './lib/binding-ranges';
import { bytesOf, linearGrid, read, write } from './lib/launch';
import { launchOf, optional, perRun, place } from './lib/processor';
import { f32Spec, isF32, isI32, matrixOf, misfit } from './lib/rule';
import { withTensors } from './lib/tensors';
import { defineOp, type Builder, type Dispatch, type Operand, type Spec, type Value } from './op';
import source from './rope.wgsl?raw';

export interface RopeAttrs {
  /** D, even. */
  readonly headSize: number;
  /** Rotates in the opposite direction, which is the gradient. */
  readonly inverse: boolean;
}

/**
 * Rotates every head of x [M, H·D], and of `other` [M, H'·D] in the same dispatch (q and k). With cos and sin the rows of the tables
 * [P, D/2] at the token's position (i32 [M], below P):
 * y_i = x_i·cos_i − x_{i+D/2}·sin_i and y_{i+D/2} = x_{i+D/2}·cos_i + x_i·sin_i.
 */
export const ropeOp = defineOp<RopeAttrs>()({
  name: 'rope',
  inputs: ['x', 'other?', 'positions', 'cos', 'sin'],
  outputs: ['y', 'otherY?'],
  infer(inputs, { headSize }) {
    const { x, other, positions, cos, sin } = inputs;
    const [tokens = 0] = x.shape;
    const [rows = 0] = cos.shape;
    const heads = [x, other].every((spec) => spec === null || hasHeads(spec, tokens, headSize));
    const tables = [cos, sin].every((spec) => isF32(spec, [rows, headSize / 2]));
    if (!heads || !tables || !isI32(positions, [tokens]) || headSize % 2 !== 0)
      throw misfit(
        'rope',
        inputs,
        `one or two f32[M, H·${headSize}], i32[M] and two f32[P, ${headSize}/2], with an even head size`,
      );
    return { y: f32Spec(x.shape), otherY: other && f32Spec(other.shape) };
  },
  gradient(builder, { inputs, attrs }, { y, otherY }, wanted) {
    if (wanted.cos || wanted.sin)
      throw internal('rope: a gradient of the tables was requested; they follow from the config and have none');
    const [dy, dotherY] = [wanted.x ? y : null, wanted.other ? otherY : null];
    const rotated = rotateBack(builder, dy, dotherY, inputs, attrs);
    return { ...rotated, positions: null, cos: null, sin: null };
  },
  twin({ x, other, positions, cos, sin }, { headSize, inverse }) {
    const rows = (table: tf.Tensor) => tf.reshape(tf.gather(table, positions), [-1, 1, headSize / 2]);
    const [c, s] = [rows(cos), inverse ? tf.neg(rows(sin)) : rows(sin)];
    return { y: rotate(x, c, s, headSize), otherY: other && rotate(other, c, s, headSize) };
  },
  f16: ({ outputs: { otherY } }, { headSize }) => ({
    inputs: ['x', 'other'],
    outputs: headSize % 8 !== 0 ? [] : otherY === null ? ['y'] : ['y', 'otherY'],
  }),
  cost(use) {
    const { y, otherY } = use.outputs;
    return { flops: 3 * (sizeOf(y.shape) + (otherY ? sizeOf(otherY.shape) : 0)), bytes: bytesOf(use) };
  },
  launch({ inputs: { x, other, positions, cos, sin }, outputs: { y, otherY } }, attrs, target) {
    const pairs = [{ from: x, to: y }, ...(other && otherY ? [{ from: other, to: otherY }] : [])];
    const widths = pairs.map(({ to: { shape } }) => shape[1] ?? 0);
    const ranges = rowRanges(x.shape[0] ?? 0, 4 * Math.max(...widths), target.maxBindingBytes);
    return { scratch: [], dispatches: ranges.map((range) => dispatch(range, pairs, { positions, cos, sin }, attrs)) };
  },
  processor({ inputs: { x, other, positions, cos, sin }, outputs: { y, otherY } }, { headSize, inverse }) {
    const tables = [...[positions, cos, sin].map(optional), headSize / 2, { f32: inverse ? -1 : 1 }];
    const rotated = (from: Operand, to: Operand) =>
      perRun('rope', from.shape[0] ?? 0, [place(from), place(to), from.shape[1] ?? 0, ...tables]);
    return launchOf(rotated(x, y), ...(other && otherY ? [rotated(other, otherY)] : []));
  },
});

interface Tables<T> {
  readonly positions: T;
  readonly cos: T;
  readonly sin: T;
}

/** Rotates every head of q and of k by its token's position. */
export function rope(
  builder: Builder,
  q: Value,
  k: Value,
  { positions, cos, sin }: Tables<Value>,
  headSize: number,
): { readonly q: Value; readonly k: Value } {
  const { y, otherY } = builder.apply(ropeOp, { x: q, other: k, positions, cos, sin }, { headSize, inverse: false });
  if (otherY === null) throw internal('rope of two tensors returned one');
  return { q: y, k: otherY };
}

/** The gradients of x and `other`, for those of dy and dotherY that are there. */
function rotateBack(
  builder: Builder,
  dy: Value | null,
  dotherY: Value | null,
  { positions, cos, sin }: Tables<Value>,
  { headSize, inverse }: RopeAttrs,
): { readonly x: Value | null; readonly other: Value | null } {
  const attrs = { headSize, inverse: !inverse };
  const apply = (x: Value, other: Value | null) => builder.apply(ropeOp, { x, other, positions, cos, sin }, attrs);
  if (dy === null) return { x: null, other: dotherY && apply(dotherY, null).y };
  const { y, otherY } = apply(dy, dotherY);
  return { x: y, other: otherY };
}

/** f32 [tokens, H·headSize] with at least one head. */
function hasHeads(spec: Spec, tokens: number, headSize: number): boolean {
  const [, width = 0] = matrixOf(spec) ?? [];
  return isF32(spec, [tokens, width]) && width > 0 && width % headSize === 0;
}

/** Rotates every head of x [M, H·D] by the cosines and sines of its token, [M, 1, D/2]. */
function rotate(x: tf.Tensor, cos: tf.Tensor, sin: tf.Tensor, headSize: number): tf.Tensor {
  const [tokens = 0] = x.shape;
  const heads = tf.reshape(x, [tokens, -1, headSize]);
  const half = headSize / 2;
  const a = tf.slice(heads, [0, 0, 0], [-1, -1, half]);
  const b = tf.slice(heads, [0, 0, half], [-1, -1, half]);
  const rotated = [tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))];
  return tf.reshape(tf.concat(rotated, 2), x.shape);
}

/** A tensor and its rotated result. */
interface Pair {
  readonly from: Operand;
  readonly to: Operand;
}

/** Rotates the tokens of `range` of one tensor or two. */
function dispatch(
  range: ItemRange,
  pairs: readonly Pair[],
  { positions, cos, sin }: Tables<Operand>,
  { headSize, inverse }: RopeAttrs,
): Dispatch {
  const VECTOR = headSize % 8 === 0;
  const HALF = VECTOR ? headSize / 8 : headSize / 2;
  const widths = pairs.map(({ to: { shape } }) => shape[1] ?? 0);
  const [HEADS = 0, OTHER_HEADS = 0] = widths.map((width) => width / headSize);
  const COUNT = range.count * (HEADS + OTHER_HEADS) * HALF;
  const { workgroups, stride } = linearGrid(COUNT, 256);
  const sizes = { VECTOR, HALF, HEADS, OTHER_HEADS, PAIR: pairs.length === 2, FIRST: range.count * HEADS * HALF };
  const constants = { ...sizes, COUNT, GRID: stride, INVERSE: inverse };
  const bindings = [
    bindRange(read(positions), range, 4),
    read(cos),
    read(sin),
    ...pairs.flatMap(({ from, to }, i) =>
      [read(from), write(to)].map((binding) => bindRange(binding, range, 4 * (widths[i] ?? 0))),
    ),
  ];
  return { shader: specialise('rope', withTensors(source, bindings, constants), 'main', constants), workgroups, bindings };
}
