/** Root-mean-square normalisation (Zhang and Sennrich, arXiv 1910.07467) of rows, or of the heads of each row. */

import * as tf from '@tensorflow/tfjs-core';
import { internal } from '../src/core/errors';
import { sizeOf } from '../src/core/shape';
import { f32, specialise, type Constants } from '../src/gpu/shader';
import { bindRange, rowRanges, type ItemRange } from './lib/binding-ranges';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, linearGrid, read, write } from './lib/launch';
import { f32Spec, isActivation, isF32, matrixOf, misfit, notTrained } from './lib/rule';
import { withTensors } from './lib/tensors';
import { defineOp, type Binding, type Builder, type Dispatch, type Spec, type Target, type Value } from './op';
import source from './rmsnorm.wgsl?raw';

/** Invocations per workgroup, and the most that share a run. A CPU pays for every barrier between them. */
const GROUP = { gpu: 256, cpu: 64 };
const MAX_LANES = { gpu: 64, cpu: 4 };

export interface RmsnormAttrs {
  readonly eps: number;
}

/**
 * x [M, G·W] and weight [W] → y [M, G·W] and rstd [M·G], f32. For each run of W elements: rstd = 1/√(mean(x²) + eps),
 * y = x·rstd·weight. The weight is frozen; rstd is saved for the gradient.
 */
export const rmsnormOp = defineOp<RmsnormAttrs>()({
  name: 'rmsnorm',
  inputs: ['x', 'weight'],
  outputs: ['y', 'rstd'],
  infer: (inputs) => ({ y: f32Spec(inputs.x.shape), rstd: f32Spec([runsOf('rmsnorm', inputs)]) }),
  gradient(builder, { inputs: { x, weight }, outputs: { rstd } }, { y: dy, rstd: drstd }, wanted) {
    if (wanted.weight) throw notTrained('rmsnorm', 'weight');
    if (drstd !== null) throw internal('rmsnorm: rstd is saved for the gradient and has no gradient itself');
    if (dy === null || !wanted.x) return { x: null, weight: null };
    return { x: builder.apply(rmsnormBackwardOp, { x, weight, rstd, dy, addend: null }, {}).dx, weight: null };
  },
  twin({ x, weight }, { eps }) {
    const runs = tf.reshape(x, [-1, weight.size]);
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(runs), 1, true), eps));
    return { y: tf.reshape(tf.mul(tf.mul(runs, rstd), weight), x.shape), rstd: tf.reshape(rstd, [-1]) };
  },
  f16: ({ inputs: { weight } }) => ({ inputs: ['x'], outputs: sizeOf(weight.shape) % 4 === 0 ? ['y'] : [] }),
  cost: (use) => ({ flops: 4 * sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x, weight }, outputs: { y, rstd } }, { eps }, target) {
    const width = sizeOf(weight.shape);
    const dispatches = rowRanges(sizeOf(rstd.shape), 4 * width, target.maxBindingBytes).map((range) => {
      const wide = (binding: Binding) => bindRange(binding, range, 4 * width);
      const bindings = [wide(read(x)), bindRange(write(rstd), range, 4), wide(write(y)), read(weight)];
      return dispatch('rmsnorm', range, width, bindings, { BACKWARD: false, ADDEND: false, EPS: f32(eps) }, target);
    });
    return { scratch: [], dispatches };
  },
});

/** dx = rstd·(dy·weight − x̂·mean(dy·weight·x̂)) + addend with x̂ = x·rstd; shapes as in `rmsnormOp`, the addend that of x. */
export const rmsnormBackwardOp = defineOp()({
  name: 'rmsnorm_backward',
  inputs: ['x', 'weight', 'rstd', 'dy', 'addend?'],
  outputs: ['dx'],
  infer(inputs) {
    const { x, rstd, dy, addend } = inputs;
    const runs = runsOf('rmsnorm_backward', inputs);
    if (!isF32(rstd, [runs]) || !isF32(dy, x.shape) || (addend !== null && !isF32(addend, x.shape)))
      throw misfit('rmsnorm_backward', inputs, `f32: rstd [${runs}], dy of x's shape, and an addend of x's shape or none`);
    return { dx: f32Spec(x.shape) };
  },
  gradient: null,
  twin(inputs) {
    const { x, weight, addend } = inputs;
    const rstd = tf.reshape(inputs.rstd, [-1, 1]);
    const unit = tf.mul(tf.reshape(x, [-1, weight.size]), rstd);
    const dunit = tf.mul(tf.reshape(inputs.dy, [-1, weight.size]), weight);
    const along = tf.mean(tf.mul(dunit, unit), 1, true);
    const dx = tf.reshape(tf.mul(rstd, tf.sub(dunit, tf.mul(unit, along))), x.shape);
    return { dx: addend ? tf.add(dx, addend) : dx };
  },
  // dx is the gradient of the residual stream, which stays f32.
  f16: () => ({ inputs: ['x', 'dy', 'addend'], outputs: [] }),
  cost: (use) => ({ flops: 8 * sizeOf(use.outputs.dx.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x, weight, rstd, dy, addend }, outputs: { dx } }, _attrs, target) {
    const width = sizeOf(weight.shape);
    const dispatches = rowRanges(sizeOf(rstd.shape), 4 * width, target.maxBindingBytes).map((range) => {
      const wide = (binding: Binding) => bindRange(binding, range, 4 * width);
      const required = [wide(read(x)), bindRange(read(rstd), range, 4), wide(read(dy)), wide(write(dx)), read(weight)];
      const bindings = [...required, ...(addend ? [wide(read(addend))] : [])];
      return dispatch('rmsnorm_backward', range, width, bindings, { BACKWARD: true, ADDEND: addend !== null }, target);
    });
    return { scratch: [], dispatches };
  },
});

/** Normalises each run of x that is as long as `weight`; `rstd` is saved for the gradient. */
export function rmsnorm(builder: Builder, x: Value, weight: Value, eps: number): { y: Value; rstd: Value } {
  return builder.apply(rmsnormOp, { x, weight }, { eps });
}

/** M·G, after checking x and weight. */
function runsOf(op: string, inputs: { readonly x: Spec; readonly weight: Spec }): number {
  const { x, weight } = inputs;
  const [rows = 0, columns = 0] = matrixOf(x) ?? [];
  const [width = 0] = weight.shape;
  if (!isActivation(x) || !isF32(weight, [width]) || columns === 0 || columns % width !== 0)
    throw misfit(op, { ...inputs }, 'x f32|f16[M, G·W] and weight f32[W]');
  return (rows * columns) / width;
}

function dispatch(
  label: string,
  range: ItemRange,
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
  const { workgroups, stride } = linearGrid(range.count, RUNS);
  const sizes = { VECTOR, WIDTH, RUNS, COUNT: range.count, GRID: stride };
  const all = { ...laneConstants(target, LANES, GROUP[kind]), ...sizes, ...constants };
  return { shader: specialise(label, withTensors(withLanes(source), bindings, all), 'main', all), workgroups, bindings };
}
