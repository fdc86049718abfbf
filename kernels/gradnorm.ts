/** The norm of a gradient, for clipping and for the log. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape, sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import source from './gradnorm.wgsl?raw';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, readInput, readScratch, required, writeOutput, writeScratch } from './lib/launch';
import type { Builder, Dispatch, Op, Target, Value } from './op';
import { misfit, only } from './lib/rule';
import { bindRange, rowRanges, type ItemRange } from './lib/binding-ranges';

/** Elements per workgroup below which another workgroup does not pay, and how many workgroups read a span at most. */
const PER_GROUP = 8192;
const MAX_GROUPS = 512;

/** [g [n], optionally scale [1]] f32 → [norm [1]], √Σg² / scale. The scale is a power of two: see lossscale. */
export const gradnormOp: Op = {
  name: 'gradnorm',
  infer(inputs) {
    const [g, scale = null] = inputs;
    const unscales = scale === null || (scale.dtype === 'f32' && sameShape(scale.shape, [1]));
    if (g?.dtype !== 'f32' || g.shape.length !== 1 || !unscales || inputs.length > 2)
      throw misfit('gradnorm', inputs, 'f32[n], and f32[1] or none');
    return [{ shape: [1], dtype: 'f32' }];
  },
  gradient: null,
  twin(inputs) {
    const g = required(inputs, 0, 'g');
    // Short rows first: a plain running sum in f32 loses millions of small terms.
    const rows = Math.ceil(g.size / 1024);
    const padded = tf.pad(g, [[0, rows * 1024 - g.size]]);
    const norm = tf.reshape(tf.sqrt(tf.sum(tf.sum(tf.reshape(tf.square(padded), [rows, 1024]), 1))), [1]);
    const [, scale = null] = inputs;
    return [scale === null ? norm : tf.div(norm, scale)];
  },
  cost: (use) => ({ flops: 2 * sizeOf(required(use.inputs, 0, 'g').shape), bytes: bytesOf(use) }),
  launch(use, _attrs, target) {
    const size = sizeOf(required(use.inputs, 0, 'g').shape);
    const parts = rowRanges(size, 4, target.maxBindingBytes);
    const groups = parts.map((span) => Math.min(MAX_GROUPS, Math.ceil(span.count / PER_GROUP)));
    const before = groups.map((_, i) => groups.slice(0, i).reduce((sum, count) => sum + count, 0));
    const all = groups.reduce((sum, count) => sum + count, 0);
    const stages = parts.map((span, i) => squareSums(span, size % 4 === 0, groups[i] ?? 0, before[i] ?? 0, target));
    const scaled = (use.inputs[1] ?? null) !== null;
    return { scratch: [4 * all], dispatches: [...stages, totalNorm(all, scaled, target)] };
  },
};

/** √Σg² of a flat f32 value, as an f32[1]; of g / scale where there is a `scale` [1]. */
export function gradnorm(builder: Builder, g: Value, scale: Value | null = null): Value {
  return only(builder.apply(gradnormOp, [g, scale], {}));
}

function squareSums(span: ItemRange, VECTOR: boolean, GROUPS: number, FIRST_GROUP: number, target: Target): Dispatch {
  const constants = {
    ...laneConstants(target, 256, 256),
    VECTOR,
    COUNT: VECTOR ? span.count / 4 : span.count,
    GROUPS,
    FIRST_GROUP,
    SCALED: false,
  };
  return {
    shader: specialise('gradnorm', withLanes(source), 'square_sums', constants),
    workgroups: [GROUPS, 1, 1],
    bindings: [bindRange(readInput(0), span, 4), writeScratch(0)],
  };
}

function totalNorm(GROUPS: number, SCALED: boolean, target: Target): Dispatch {
  const constants = { ...laneConstants(target, 256, 256), VECTOR: false, COUNT: 0, GROUPS, FIRST_GROUP: 0, SCALED };
  return {
    shader: specialise('gradnorm_total', withLanes(source), 'total_norm', constants),
    workgroups: [1, 1, 1],
    bindings: [readScratch(0), writeOutput(0), ...(SCALED ? [readInput(1)] : [])],
  };
}
