/** Root-mean-square normalisation (Zhang and Sennrich, arXiv 1910.07467) of rows, or of the heads of each row. */

import * as tf from '@tensorflow/tfjs-core';
import { internal } from '../src/core/errors';
import { sameShape, sizeOf } from '../src/core/shape';
import { f32, specialise, type Constants } from '../src/gpu/shader';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, linearGrid, readInput, readTensor, required, writeOutput, writeTensor } from './lib/launch';
import type { Binding, Builder, Dispatch, Op, Spec, Target, Value } from './op';
import source from './rmsnorm.wgsl?raw';
import { isActivation, matrixOf, misfit, notTrained } from './lib/rule';
import { bindRange, rowRanges, type ItemRange } from './lib/binding-ranges';
import { withTensors } from './lib/tensors';

/** Invocations of a workgroup, and how many of them share a run at most: a CPU pays for every barrier between them. */
const GROUP = { gpu: 256, cpu: 64 };
const MAX_LANES = { gpu: 64, cpu: 4 };

export interface RmsnormAttrs {
  readonly eps: number;
}

/**
 * [x [M, G·W], weight [W]] f32 → [y [M, G·W], rstd [M·G]]. Each run of W elements: rstd = 1/√(mean(x²) + eps),
 * y = x·rstd·weight. The weight is frozen.
 */
export const rmsnormOp: Op<RmsnormAttrs> = {
  name: 'rmsnorm',
  infer(inputs) {
    const runs = runsOf('rmsnorm', inputs);
    return [
      { shape: required(inputs, 0, 'x').shape, dtype: 'f32' },
      { shape: [runs], dtype: 'f32' },
    ];
  },
  gradient(builder, { inputs: [x = null, weight = null], outputs }, [dy = null, drstd = null], wanted) {
    if (wanted[1]) throw notTrained('rmsnorm', 'weight');
    if (drstd !== null) throw internal('rmsnorm: rstd is saved for the gradient and has no gradient itself');
    if (dy === null || !wanted[0]) return [null, null];
    return [...builder.apply(rmsnormBackwardOp, [x, weight, required(outputs, 1, 'rstd'), dy, null], {}), null];
  },
  twin(inputs, { eps }) {
    const x = required(inputs, 0, 'x');
    const weight = required(inputs, 1, 'weight');
    const runs = tf.reshape(x, [-1, weight.size]);
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(runs), 1, true), eps));
    return [tf.reshape(tf.mul(tf.mul(runs, rstd), weight), x.shape), tf.reshape(rstd, [-1])];
  },
  f16: ({ inputs }) => ({
    inputs: [0],
    outputs: required(inputs, 1, 'weight').shape.every((width) => width % 4 === 0) ? [0] : [],
  }),
  cost: (use) => ({ flops: 4 * sizeOf(required(use.outputs, 0, 'y').shape), bytes: bytesOf(use) }),
  launch(use, { eps }, target) {
    const width = sizeOf(required(use.inputs, 1, 'weight').shape);
    const parts = rowRanges(sizeOf(required(use.outputs, 1, 'rstd').shape), 4 * width, target.maxBindingBytes);
    const dispatches = parts.map((span) => {
      const wide = (binding: Binding) => bindRange(binding, span, 4 * width);
      const bindings = [wide(readTensor(use, 0)), bindRange(writeOutput(1), span, 4), wide(writeTensor(use, 0)), readInput(1)];
      return dispatch('rmsnorm', span, width, bindings, { BACKWARD: false, ADDEND: false, EPS: f32(eps) }, target);
    });
    return { scratch: [], dispatches };
  },
};

/** [x, weight, rstd, dy, addend?] → [dx] = rstd·(dy·weight − x̂·mean(dy·weight·x̂)) + addend, x̂ = x·rstd. */
export const rmsnormBackwardOp: Op = {
  name: 'rmsnorm_backward',
  infer(inputs) {
    const [x, , rstd, dy, addend = null] = inputs;
    const runs = runsOf('rmsnorm_backward', inputs);
    const like = (spec: Spec | null | undefined) => spec?.dtype === 'f32' && sameShape(spec.shape, x?.shape ?? []);
    const fits = rstd?.dtype === 'f32' && sameShape(rstd.shape, [runs]) && like(dy) && (addend === null || like(addend));
    if (!fits) throw misfit('rmsnorm_backward', inputs, `f32: x, weight, rstd [${runs}], dy and perhaps addend of x's shape`);
    return [{ shape: x?.shape ?? [], dtype: 'f32' }];
  },
  gradient: null,
  twin(inputs) {
    const x = required(inputs, 0, 'x');
    const weight = required(inputs, 1, 'weight');
    const rstd = tf.reshape(required(inputs, 2, 'rstd'), [-1, 1]);
    const unit = tf.mul(tf.reshape(x, [-1, weight.size]), rstd);
    const dunit = tf.mul(tf.reshape(required(inputs, 3, 'dy'), [-1, weight.size]), weight);
    const along = tf.mean(tf.mul(dunit, unit), 1, true);
    const dx = tf.reshape(tf.mul(rstd, tf.sub(dunit, tf.mul(unit, along))), x.shape);
    return [inputs[4] ? tf.add(dx, inputs[4]) : dx];
  },
  // dx is a residual's gradient.
  f16: () => ({ inputs: [0, 3, 4], outputs: [] }),
  cost: (use) => ({ flops: 8 * sizeOf(required(use.outputs, 0, 'dx').shape), bytes: bytesOf(use) }),
  launch(use, _attrs, target) {
    const width = sizeOf(required(use.inputs, 1, 'weight').shape);
    const parts = rowRanges(sizeOf(required(use.inputs, 2, 'rstd').shape), 4 * width, target.maxBindingBytes);
    const dispatches = parts.map((span) => {
      const wide = (binding: Binding) => bindRange(binding, span, 4 * width);
      const inputs = [wide(readTensor(use, 0)), bindRange(readInput(2), span, 4), wide(readTensor(use, 3))];
      const bindings = [...inputs, wide(writeOutput(0)), readInput(1)];
      const ADDEND = Boolean(use.inputs[4]);
      if (ADDEND) bindings.push(wide(readTensor(use, 4)));
      return dispatch('rmsnorm_backward', span, width, bindings, { BACKWARD: true, ADDEND }, target);
    });
    return { scratch: [], dispatches };
  },
};

/** Normalises each run of `weight`'s length in x. `rstd` is what the gradient needs. */
export function rmsnorm(builder: Builder, x: Value, weight: Value, eps: number): { y: Value; rstd: Value } {
  const outputs = builder.apply(rmsnormOp, [x, weight], { eps });
  return { y: required(outputs, 0, 'y'), rstd: required(outputs, 1, 'rstd') };
}

/** M·G, after checking x and weight. */
function runsOf(op: string, inputs: readonly (Spec | null)[]): number {
  const [x, weight] = inputs;
  const [rows = 0, columns = 0] = matrixOf(x) ?? [];
  const [width = 0] = weight?.shape ?? [];
  if (!isActivation(x) || weight?.dtype !== 'f32' || weight.shape.length !== 1 || columns === 0 || columns % width !== 0)
    throw misfit(op, inputs, 'f32[M, G·W] and f32[W] first');
  return (rows * columns) / width;
}

function dispatch(
  label: string,
  span: ItemRange,
  width: number,
  bindings: readonly Binding[],
  constants: Constants,
  target: Target,
): Dispatch {
  const VECTOR = width % 4 === 0;
  const WIDTH = VECTOR ? width / 4 : width;
  const kind = target.software ? 'cpu' : 'gpu';
  const LANES = Math.min(MAX_LANES[kind], 2 ** Math.floor(Math.log2(WIDTH)));
  const RUNS = GROUP[kind] / LANES;
  const { workgroups, stride } = linearGrid(span.count, RUNS);
  const all = {
    ...laneConstants(target, LANES, GROUP[kind]),
    VECTOR,
    WIDTH,
    RUNS,
    COUNT: span.count,
    GRID: stride,
    ...constants,
  };
  return { shader: specialise(label, withTensors(withLanes(source), bindings, all), 'main', all), workgroups, bindings };
}
