/** The gradients of the weight and the bias of a normalisation: sums over all runs in one pass over x and dy. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { columnSums, columnSumsTwin } from './lib/column-sums';
import { bytesOf } from './lib/launch';
import { launchOf, optional, perColumns } from './lib/processor';
import { f32Spec, isActivation, isActivationOf, isF32, matrixOf, misfit } from './lib/rule';
import { defineOp } from './op';

export interface NormWeightAttrs {
  /** W, the elements of a run. */
  readonly width: number;
  /** Also compute dbias. */
  readonly bias: boolean;
}

/**
 * dy and x [M, G·W], rstd [M·G], and mean [M·G] of a layer norm → dweight [W] = Σ dy·x̂ over all runs, with x̂ = (x − mean)·rstd, or
 * x·rstd without a mean; and dbias [W] = Σ dy.
 */
export const normWeightBackwardOp = defineOp<NormWeightAttrs>()({
  name: 'norm_weight_backward',
  inputs: ['dy', 'x', 'rstd', 'mean?'],
  outputs: ['dweight', 'dbias?'],
  infer(inputs, { width, bias }) {
    const { dy, x, rstd, mean } = inputs;
    const [rows, columns] = matrixOf(x) ?? [0, 0];
    const runs = (rows * columns) / width;
    const fits = isActivation(x) && isActivationOf(dy, x.shape) && isF32(rstd, [runs]) && (mean === null || isF32(mean, [runs]));
    if (!fits || runs === 0 || columns % width !== 0 || (bias && mean === null))
      throw misfit(
        'norm_weight_backward',
        inputs,
        `dy and x f32|f16[M, G·${width}], rstd f32[M·G], and a mean f32[M·G] or none; a bias only with a mean`,
      );
    return { dweight: f32Spec([width]), dbias: bias ? f32Spec([width]) : null };
  },
  gradient: null,
  twin({ dy, x, rstd, mean }, { width, bias }) {
    const column = (runs: tf.Tensor) => tf.reshape(runs, [-1, 1]);
    const runs = tf.reshape(x, [-1, width]);
    const unit = tf.mul(mean === null ? runs : tf.sub(runs, column(mean)), column(rstd));
    const dweight = columnSumsTwin(tf.mul(tf.reshape(dy, [-1, width]), unit), width);
    return { dweight, dbias: bias ? columnSumsTwin(dy, width) : null };
  },
  f16: () => ({ inputs: ['dy', 'x'], outputs: [] }),
  cost: (use) => ({ flops: 5 * sizeOf(use.inputs.x.shape), bytes: bytesOf(use) }),
  launch({ inputs: { dy, x, rstd, mean }, outputs: { dweight, dbias } }, { width }, target) {
    const centred = mean && { mean, biasSums: dbias };
    return columnSums({ label: 'norm_weight_backward', values: dy, width, sums: dweight, norm: { x, rstd, centred } }, target);
  },
  processor({ inputs: { dy, x, rstd, mean }, outputs: { dweight, dbias } }, { width }) {
    const buffers = [dy, dweight, x, rstd, mean, dbias].map(optional);
    return launchOf(perColumns('column_sums', width, [...buffers, width, sizeOf(rstd.shape)]));
  },
});
