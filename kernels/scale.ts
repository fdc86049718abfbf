/** Multiplication by a scalar that is on the device, and the inner product: each is the other's gradient. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import dotSource from './dot.wgsl?raw';
import { bindRange, rowRanges, type ItemRange } from './lib/binding-ranges';
import { elementwise } from './lib/elementwise';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, hasVec4Rows, read, readScratch, write, writeScratch } from './lib/launch';
import { launchOf, optional, perElement, place, scratch, unitsOf } from './lib/processor';
import { f32Spec, isF32, misfit } from './lib/rule';
import { sumOf } from './lib/twin';
import { defineOp, type Binding, type Builder, type Dispatch, type Operand, type Target, type Value } from './op';
import source from './scale.wgsl?raw';

/** y = x·s[0], with x of any shape and s [1], f32. */
export const scaleOp = defineOp()({
  name: 'scale',
  inputs: ['x', 's'],
  outputs: ['y'],
  infer(inputs) {
    const { shape } = inputs.x;
    if (!isF32(inputs.x, shape) || !isF32(inputs.s, [1])) throw misfit('scale', inputs, 'an f32 tensor and an f32[1]');
    return { y: f32Spec(shape) };
  },
  gradient: (builder, { inputs: { x, s } }, { y: dy }, wanted) => ({
    x: wanted.x ? scale(builder, dy, s) : null,
    s: wanted.s ? dot(builder, x, dy) : null,
  }),
  twin: ({ x, s }) => ({ y: tf.mul(x, s) }),
  // A vector has a value for each token or document, such as the gradient of a loss.
  f16: ({ outputs: { y } }) => ({ inputs: ['x'], outputs: y.shape.length > 1 && hasVec4Rows(y) ? ['y'] : [] }),
  cost: (use) => ({ flops: sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x, s }, outputs: { y } }, _attrs, target) {
    const elements = [read(x), write(y)];
    return elementwise({ label: 'scale', source, size: sizeOf(y.shape), elements, whole: [read(s)] }, target);
  },
  processor: ({ inputs: { x, s }, outputs: { y } }) => launchOf(perElement('scale', sizeOf(y.shape), [x, s, y].map(optional))),
});

/** x times the number in `s` [1]. */
export function scale(builder: Builder, x: Value, s: Value): Value {
  return builder.apply(scaleOp, { x, s }, {}).y;
}

/** Elements for which another workgroup pays, and the most workgroups per range of the tensors. */
const ELEMENTS_PER_GROUP = 8192;
const MAX_GROUPS = 512;

/** y [1] = Σ x·w, with x and w of one shape, f32. */
export const dotOp = defineOp()({
  name: 'dot',
  inputs: ['x', 'w'],
  outputs: ['y'],
  infer(inputs) {
    const { shape } = inputs.x;
    if (!isF32(inputs.x, shape) || !isF32(inputs.w, shape)) throw misfit('dot', inputs, 'two f32 tensors of one shape');
    return { y: f32Spec([1]) };
  },
  gradient: (builder, { inputs: { x, w } }, { y: dy }, wanted) => ({
    x: wanted.x ? scale(builder, w, dy) : null,
    w: wanted.w ? scale(builder, x, dy) : null,
  }),
  twin: ({ x, w }) => ({ y: sumOf(tf.mul(x, w)) }),
  cost: (use) => ({ flops: 2 * sizeOf(use.inputs.x.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x, w }, outputs: { y } }, _attrs, target) {
    const ranges = rowRanges(sizeOf(x.shape), 4, target.maxBindingBytes);
    const groups = ranges.map(({ count }) => Math.min(MAX_GROUPS, Math.ceil(count / ELEMENTS_PER_GROUP)));
    const before = (range: number) => groups.slice(0, range).reduce((sum, count) => sum + count, 0);
    const all = before(ranges.length);
    const sums = all === 1 ? write(y) : writeScratch(0);
    const stages = ranges.map((range, i) =>
      productSums([sums, bindRange(read(x), range, 4), bindRange(read(w), range, 4)], range, groups[i] ?? 0, before(i), target),
    );
    if (all === 1) return { scratch: [], dispatches: stages };
    return { scratch: [4 * all], dispatches: [...stages, total(all, y, target)] };
  },
  processor({ inputs: { x, w }, outputs: { y } }) {
    const count = sizeOf(x.shape);
    const sums = perElement('product_sums', count, [place(x), place(w), scratch(0)]);
    const total = { kernel: 'total', units: 1, args: [scratch(0), place(y), unitsOf(count), false, null] };
    return { scratch: [4 * unitsOf(count)], work: [sums, total] };
  },
});

/** Σ x·w [1], for x and w of the same shape. With cotangents, weights or masks as w, every loss is such a sum. */
export function dot(builder: Builder, x: Value, w: Value): Value {
  return builder.apply(dotOp, { x, w }, {}).y;
}

/** The sums of GROUPS workgroups over `range`. */
function productSums(
  bindings: readonly Binding[],
  range: ItemRange,
  GROUPS: number,
  FIRST_GROUP: number,
  target: Target,
): Dispatch {
  const VECTOR = range.count % 4 === 0;
  const sizes = { COUNT: VECTOR ? range.count / 4 : range.count, GROUPS, FIRST_GROUP };
  const constants = { ...laneConstants(target, 256, 256), PRODUCTS: true, VECTOR, ...sizes };
  return { shader: specialise('dot', withLanes(dotSource), 'main', constants), workgroups: [GROUPS, 1, 1], bindings };
}

function total(GROUPS: number, y: Operand, target: Target): Dispatch {
  const constants = { ...laneConstants(target, 256, 256), PRODUCTS: false, VECTOR: false, GROUPS };
  const shader = specialise('dot total', withLanes(dotSource), 'main', constants);
  return { shader, workgroups: [1, 1, 1], bindings: [write(y), readScratch(0)] };
}
