/** The twin of `distillation`, in chunks of tokens, so that not all logits are in memory. */

import * as tf from '@tensorflow/tfjs-core';
import { CHUNK_ELEMENTS } from './crossentropy_twin';
import { capSlopeTwin, cappedTwin } from './lib/softcap';
import { product } from './lib/twin';

/** Tensors of `distillationOp` by name. */
export interface DistillationTensors {
  /** [M, C]. */
  readonly hidden: tf.Tensor;
  /** [V, C]. */
  readonly head: tf.Tensor;
  /** [M, C']. */
  readonly teacherHidden: tf.Tensor;
  /** [V, C']. */
  readonly teacherHead: tf.Tensor;
  /** [M]. */
  readonly labels: tf.Tensor;
  /** [M]. */
  readonly weights: tf.Tensor;
}

interface Attrs {
  readonly temperature: number;
  readonly training: boolean;
  readonly trainHead?: boolean;
  readonly softcap?: number;
  readonly teacherSoftcap?: number;
}

/** loss [1], kl [M], when training dHidden [M, C], and with `trainHead` dHead [V, C]. */
export function distillationTwin(inputs: DistillationTensors, attrs: Attrs) {
  const { hidden, head, teacherHidden, labels } = inputs;
  const labelled = tf.cast(tf.greaterEqual(labels, 0), 'float32');
  const weights = tf.mul(inputs.weights, labelled);
  const [M = 0] = hidden.shape;
  const [V = 0] = head.shape;
  const rows = Math.max(1, Math.floor(CHUNK_ELEMENTS / V));
  let dHead: tf.Tensor | undefined;
  const chunks = Array.from({ length: Math.ceil(M / rows) }, (_, i) => {
    const part = (x: tf.Tensor) => tf.slice(x, [i * rows], [Math.min(rows, M - i * rows)]);
    const own = { hidden: part(hidden), teacherHidden: part(teacherHidden), weights: tf.expandDims(part(weights), 1) };
    const chunk = tf.tidy(() => chunkTwin({ ...inputs, ...own }, attrs));
    dHead = sumOf(dHead, chunk.dHead);
    return chunk;
  });
  const kl = tf.mul(tf.concat(chunks.map((chunk) => chunk.kl)), labelled);
  const loss = tf.reshape(tf.sum(tf.mul(weights, kl)), [1]);
  const dHidden = attrs.training ? tf.concat(chunks.flatMap((chunk) => chunk.dHidden ?? [])) : null;
  return { loss, kl, dHidden, dHead: dHead ?? null };
}

/** The sum, in the place of its terms: one matrix as large as the head is in memory at a time. */
function sumOf(before: tf.Tensor | undefined, part: tf.Tensor | undefined): tf.Tensor | undefined {
  if (before === undefined || part === undefined) return part ?? before;
  const sum = tf.add(before, part);
  tf.dispose([before, part]);
  return sum;
}

/** A type, not an interface, so that it is a container of tensors for `tidy`. */
type ChunkResult = { readonly kl: tf.Tensor; readonly dHidden?: tf.Tensor; readonly dHead?: tf.Tensor };

/** Of a chunk of tokens; its `weights` are [m, 1]. */
function chunkTwin(chunk: DistillationTensors, attrs: Attrs): ChunkResult {
  const { temperature, training, trainHead = false, softcap, teacherSoftcap } = attrs;
  const { hidden, head, weights } = chunk;
  const model = tf.tidy(() => softmaxOf(hidden, head, temperature, softcap));
  const teacher = tf.tidy(() => softmaxOf(chunk.teacherHidden, chunk.teacherHead, temperature, teacherSoftcap));
  const kl = tf.sum(tf.mul(teacher.softmax, tf.sub(teacher.log, model.log)), 1);
  if (!training) return { kl };
  const difference = tf.mul(tf.sub(model.softmax, teacher.softmax), tf.div(weights, temperature));
  const dLogits = model.slope === undefined ? difference : tf.mul(difference, model.slope);
  const dHidden = product(dLogits, head);
  return trainHead ? { kl, dHidden, dHead: product(dLogits, hidden, true) } : { kl, dHidden };
}

/** A type, not an interface, so that it is a container of tensors for `tidy`. */
type Softmax = { readonly softmax: tf.Tensor; readonly log: tf.Tensor; readonly slope: tf.Tensor | undefined };

/** Softmax of the logits over the temperature, and its logarithm, [m, V]; and the slope of the cap. */
function softmaxOf(hidden: tf.Tensor, head: tf.Tensor, temperature: number, softcap: number | undefined): Softmax {
  const capped = cappedTwin(product(hidden, head, false, true), softcap);
  const logits = tf.div(capped, temperature);
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  const log = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), 1, true)));
  return { softmax: tf.exp(log), log, slope: capSlopeTwin(capped, softcap) };
}
