/** The L2 norm of a gradient, for clipping and for the log. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import source from './gradnorm.wgsl?raw';
import { bindRange, rowRanges, type ItemRange } from './lib/binding-ranges';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, read, readScratch, write, writeScratch } from './lib/launch';
import { optional, perElement, place, scratch, unitsOf } from './lib/processor';
import { f32Spec, isF32, misfit } from './lib/rule';
import { sumOf } from './lib/twin';
import { defineOp, type Builder, type Dispatch, type Operand, type Target, type Value } from './op';

/** Elements for which another workgroup pays, and the most workgroups per range of the gradient. */
const ELEMENTS_PER_GROUP = 8192;
const MAX_GROUPS = 512;

/** norm [1] = √Σg² / scale for g [n] and optionally scale [1], all f32. The scale is a power of two; see lossscale. */
export const gradnormOp = defineOp()({
  name: 'gradnorm',
  inputs: ['g', 'scale?'],
  outputs: ['norm'],
  infer(inputs) {
    const { g, scale } = inputs;
    if (!isF32(g, [sizeOf(g.shape)]) || (scale !== null && !isF32(scale, [1])))
      throw misfit('gradnorm', inputs, 'g f32[n], and scale f32[1] or none');
    return { norm: f32Spec([1]) };
  },
  gradient: null,
  twin({ g, scale }) {
    const norm = tf.sqrt(sumOf(tf.square(g)));
    return { norm: scale === null ? norm : tf.div(norm, scale) };
  },
  cost: (use) => ({ flops: 2 * sizeOf(use.inputs.g.shape), bytes: bytesOf(use) }),
  launch({ inputs: { g, scale }, outputs: { norm } }, _attrs, target) {
    const ranges = rowRanges(sizeOf(g.shape), 4, target.maxBindingBytes);
    const groups = ranges.map(({ count }) => Math.min(MAX_GROUPS, Math.ceil(count / ELEMENTS_PER_GROUP)));
    const before = groups.map((_, i) => groups.slice(0, i).reduce((sum, count) => sum + count, 0));
    const all = groups.reduce((sum, count) => sum + count, 0);
    const stages = ranges.map((range, i) => squareSums(g, range, groups[i] ?? 0, before[i] ?? 0, target));
    return { scratch: [4 * all], dispatches: [...stages, totalNorm(all, norm, scale, target)] };
  },
  processor({ inputs: { g, scale }, outputs: { norm } }) {
    const count = sizeOf(g.shape);
    const sums = perElement('product_sums', count, [place(g), place(g), scratch(0)]);
    const total = { kernel: 'total', units: 1, args: [scratch(0), place(norm), unitsOf(count), true, optional(scale)] };
    return { scratch: [4 * unitsOf(count)], work: [sums, total] };
  },
});

/** √Σg² of a flat f32 value, divided by `scale` [1] when there is one, as an f32[1]. */
export function gradnorm(builder: Builder, g: Value, scale: Value | null = null): Value {
  return builder.apply(gradnormOp, { g, scale }, {}).norm;
}

/** The sum of squares of each of GROUPS workgroups over `range`, into scratch from FIRST_GROUP on. */
function squareSums(g: Operand, range: ItemRange, GROUPS: number, FIRST_GROUP: number, target: Target): Dispatch {
  const VECTOR = sizeOf(g.shape) % 4 === 0;
  const sizes = { COUNT: VECTOR ? range.count / 4 : range.count, GROUPS, FIRST_GROUP };
  const constants = { ...laneConstants(target, 256, 256), VECTOR, ...sizes, SCALED: false };
  return {
    shader: specialise('gradnorm', withLanes(source), 'square_sums', constants),
    workgroups: [GROUPS, 1, 1],
    bindings: [bindRange(read(g), range, 4), writeScratch(0)],
  };
}

function totalNorm(GROUPS: number, norm: Operand, scale: Operand | null, target: Target): Dispatch {
  const sizes = { COUNT: 0, GROUPS, FIRST_GROUP: 0 };
  const constants = { ...laneConstants(target, 256, 256), VECTOR: false, ...sizes, SCALED: scale !== null };
  return {
    shader: specialise('gradnorm_total', withLanes(source), 'total_norm', constants),
    workgroups: [1, 1, 1],
    bindings: [readScratch(0), write(norm), ...(scale ? [read(scale)] : [])],
  };
}
