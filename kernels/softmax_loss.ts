/** The negative log-likelihood of classes: softmax and cross-entropy of rows of logits. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import { bindRange, rowRanges } from './lib/binding-ranges';
import { bytesOf, linearGrid, read, write } from './lib/launch';
import { launchOf, optional, perRun } from './lib/processor';
import { f32Spec, isF32, isI32, matrixOf, misfit } from './lib/rule';
import { defineOp, type Binding, type Builder, type Launch, type Operand, type Spec, type Target, type Value } from './op';
import source from './softmax_loss.wgsl?raw';

/**
 * logits f32 [D, L] and labels i32 [D] (−1: none, else less than L) → nll f32 [D] = log Σ exp(logits) − logits[label], 0 without a
 * label. For heads of few classes; the logits of a vocabulary are the matter of `crossentropy`.
 */
export const softmaxLossOp = defineOp()({
  name: 'softmax_loss',
  inputs: ['logits', 'labels'],
  outputs: ['nll'],
  infer: (inputs) => ({ nll: f32Spec([rowsOf('softmax_loss', inputs)]) }),
  gradient: (builder, { inputs: { logits, labels } }, { nll: dnll }, wanted) => ({
    logits: wanted.logits ? builder.apply(softmaxLossBackwardOp, { logits, labels, dnll }, {}).dlogits : null,
    labels: null,
  }),
  twin({ logits, labels }) {
    const { shifted, sum, onehot, labelled } = partsOf(logits, labels);
    return { nll: tf.mul(labelled, tf.sub(tf.log(tf.squeeze(sum, [1])), tf.sum(tf.mul(shifted, onehot), 1))) };
  },
  cost: (use) => ({ flops: 4 * sizeOf(use.inputs.logits.shape), bytes: bytesOf(use) }),
  launch: ({ inputs: { logits, labels }, outputs: { nll } }, _attrs, target) =>
    launchRows(
      'softmax_loss',
      logits,
      ({ wide, narrow }) => [wide(read(logits)), narrow(read(labels)), narrow(write(nll))],
      target,
    ),
  processor({ inputs: { logits, labels }, outputs: { nll } }) {
    const [rows = 0, width = 0] = logits.shape;
    return launchOf(perRun('softmax_loss', rows, [...[logits, labels, nll, null, null].map(optional), width]));
  },
});

/** dlogits [D, L] = dnll·(softmax(logits) − onehot(label)) for dnll [D]; 0 without a label. */
export const softmaxLossBackwardOp = defineOp()({
  name: 'softmax_loss_backward',
  inputs: ['logits', 'labels', 'dnll'],
  outputs: ['dlogits'],
  infer(inputs) {
    const rows = rowsOf('softmax_loss_backward', inputs);
    if (!isF32(inputs.dnll, [rows])) throw misfit('softmax_loss_backward', inputs, `dnll f32[${rows}]`);
    return { dlogits: f32Spec(inputs.logits.shape) };
  },
  gradient: null,
  twin({ logits, labels, dnll }) {
    const { shifted, sum, onehot, labelled } = partsOf(logits, labels);
    const slope = tf.sub(tf.div(tf.exp(shifted), sum), onehot);
    return { dlogits: tf.mul(slope, tf.expandDims(tf.mul(dnll, labelled), 1)) };
  },
  cost: (use) => ({ flops: 6 * sizeOf(use.inputs.logits.shape), bytes: bytesOf(use) }),
  launch: ({ inputs: { logits, labels, dnll }, outputs: { dlogits } }, _attrs, target) =>
    launchRows(
      'softmax_loss_backward',
      logits,
      ({ wide, narrow }) => [wide(read(logits)), narrow(read(labels)), narrow(read(dnll)), wide(write(dlogits))],
      target,
    ),
  processor({ inputs: { logits, labels, dnll }, outputs: { dlogits } }) {
    const [rows = 0, width = 0] = logits.shape;
    return launchOf(perRun('softmax_loss', rows, [...[logits, labels, null, dnll, dlogits].map(optional), width]));
  },
});

/** The negative log-likelihood [D] of `labels` (i32 [D], −1 for none) under softmax(logits [D, L]). */
export function softmaxLoss(builder: Builder, logits: Value, labels: Value): Value {
  return builder.apply(softmaxLossOp, { logits, labels }, {}).nll;
}

/** D, after checking logits and labels. */
function rowsOf(op: string, inputs: { readonly logits: Spec; readonly labels: Spec }): number {
  const { logits, labels } = inputs;
  const [rows, classes] = matrixOf(logits) ?? [0, 0];
  if (rows * classes === 0 || !isF32(logits, [rows, classes]) || !isI32(labels, [rows]))
    throw misfit(op, { ...inputs }, 'logits f32[D, L] and labels i32[D]');
  return rows;
}

/** Restrict bindings of L or of one element per row to a range of rows. */
interface InRange {
  readonly wide: (binding: Binding) => Binding;
  readonly narrow: (binding: Binding) => Binding;
}

/** One dispatch for each range of rows that fits the binding limit. */
function launchRows(label: string, logits: Operand, bind: (inRange: InRange) => readonly Binding[], target: Target): Launch {
  const [rows = 0, WIDTH = 0] = logits.shape;
  const dispatches = rowRanges(rows, 4 * WIDTH, target.maxBindingBytes).map((range) => {
    const inRange = (itemBytes: number) => (binding: Binding) => bindRange(binding, range, itemBytes);
    const { workgroups, stride } = linearGrid(range.count, 64);
    const constants = { BACKWARD: label !== 'softmax_loss', WIDTH, COUNT: range.count, GRID: stride };
    const bindings = bind({ wide: inRange(4 * WIDTH), narrow: inRange(4) });
    return { shader: specialise(label, source, 'main', constants), workgroups, bindings };
  });
  return { scratch: [], dispatches };
}

/** logits − max and Σ exp of that by row; the labels as one-hot rows [D, L], and as 1 or 0 [D] for rows with a label. */
function partsOf(logits: tf.Tensor, labels: tf.Tensor) {
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  const classes = tf.range(0, logits.shape[1] ?? 0, 1, 'int32');
  const onehot = tf.cast(tf.equal(tf.expandDims(labels, 1), classes), 'float32');
  return { shifted, onehot, sum: tf.sum(tf.exp(shifted), 1, true), labelled: tf.cast(tf.greaterEqual(labels, 0), 'float32') };
}
