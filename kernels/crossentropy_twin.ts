/** The twin of `crossentropy` in plain tfjs ops, in chunks of tokens so that large vocabularies fit wasm's memory. */

import * as tf from '@tensorflow/tfjs-core';
import { product } from './lib/twin';
import { segmentSumTwin } from './segment_sum_twin';

/** Limit on the logits that are in memory at a time. */
export const CHUNK_ELEMENTS = 1 << 22;

/** Tensors of `crossentropyOp` by name. */
export interface CrossentropyTensors {
  /** [M, C]. */
  readonly hidden: tf.Tensor;
  /** [V, C]. */
  readonly head: tf.Tensor;
  /** [M]. */
  readonly labels: tf.Tensor;
  /** [M]. */
  readonly weights: tf.Tensor;
}

interface Attrs {
  readonly training: boolean;
  readonly trainHead?: boolean;
  readonly softcap?: number;
}

/**
 * loss [1], nll, entropy and hits [M], when training dHidden [M, C], and with `trainHead` dHead [V, C]. The labels are an input of the program.
 */
export function crossentropyTwin(inputs: CrossentropyTensors, attrs: Attrs) {
  const { hidden, head, labels } = inputs;
  const labelled = tf.cast(tf.greaterEqual(labels, 0), 'float32');
  const weights = tf.mul(inputs.weights, labelled);
  // tf.maximum of the wasm backend returns float32 for any input type.
  const targets = tf.cast(tf.maximum(labels, tf.scalar(0, 'int32')), 'int32');
  const [M = 0] = hidden.shape;
  const [V = 0] = head.shape;
  const rows = Math.max(1, Math.floor(CHUNK_ELEMENTS / V));
  let pushed: tf.Tensor | undefined;
  const chunks = Array.from({ length: Math.ceil(M / rows) }, (_, i) => {
    const part = <T extends tf.Tensor>(x: T) => tf.slice(x, [i * rows], [Math.min(rows, M - i * rows)]);
    const own = { hidden: part(hidden), head, targets: part(targets), weights: tf.expandDims(part(weights), 1) };
    const chunk = tf.tidy(() => chunkTwin(own, attrs));
    pushed = sumOf(pushed, chunk.pushed);
    return chunk;
  });
  const nll = tf.mul(tf.concat(chunks.map((chunk) => chunk.nll)), labelled);
  const loss = tf.reshape(tf.sum(tf.mul(weights, nll)), [1]);
  const entropy = tf.mul(tf.concat(chunks.map((chunk) => chunk.entropy)), labelled);
  const hits = tf.mul(tf.concat(chunks.map((chunk) => chunk.hits)), labelled);
  const values = { loss, nll, entropy, hits };
  if (!attrs.training) return { ...values, dHidden: null, dHead: null };
  const dHidden = tf.concat(chunks.flatMap((chunk) => chunk.dHidden ?? []));
  if (pushed === undefined) return { ...values, dHidden, dHead: null };
  const pulled = tf.concat(chunks.flatMap((chunk) => chunk.pulled ?? []));
  return { ...values, dHidden, dHead: tf.sub(pushed, segmentSumTwin(pulled, labels, V)) };
}

/** The sum, in the place of its terms: one matrix as large as the head is in memory at a time. */
function sumOf(before: tf.Tensor | undefined, part: tf.Tensor | undefined): tf.Tensor | undefined {
  if (before === undefined || part === undefined) return part ?? before;
  const sum = tf.add(before, part);
  tf.dispose([before, part]);
  return sum;
}

/** Tensors of a chunk of tokens; `targets` without −1, `weights` [m, 1] with 0 instead. */
interface ChunkTensors {
  readonly hidden: tf.Tensor;
  readonly head: tf.Tensor;
  readonly targets: tf.Tensor;
  readonly weights: tf.Tensor;
}

/** A type, not an interface, so that it is a container of tensors for `tidy`. */
type ChunkResult = {
  readonly nll: tf.Tensor;
  readonly entropy: tf.Tensor;
  readonly hits: tf.Tensor;
  readonly dHidden?: tf.Tensor;
  readonly pushed?: tf.Tensor;
  readonly pulled?: tf.Tensor;
};

function chunkTwin(chunk: ChunkTensors, attrs: Attrs): ChunkResult {
  const raw = product(chunk.hidden, chunk.head, false, true);
  const { softcap } = attrs;
  const logits = softcap === undefined ? raw : tf.mul(tf.tanh(tf.div(raw, softcap)), softcap);
  const top = tf.max(logits, 1, true);
  const below = tf.sub(logits, top);
  const exponentials = tf.exp(below);
  const sum = tf.sum(exponentials, 1, true);
  const own = ofTargets(logits, chunk.targets);
  const nll = tf.add(tf.squeeze(tf.log(sum), [1]), tf.sub(tf.squeeze(top, [1]), own));
  // A product of matrices, because it keeps no further matrix as large as the logits.
  const moments = tf.squeeze(tf.matMul(tf.expandDims(exponentials, 1), tf.expandDims(below, 2)), [2]);
  const entropy = tf.squeeze(tf.sub(tf.log(sum), tf.div(moments, sum)), [1]);
  const hits = tf.cast(tf.greaterEqual(own, tf.squeeze(top, [1])), 'float32');
  const values = { nll, entropy, hits };
  if (!attrs.training) return values;
  const softmax = tf.div(exponentials, sum);
  // ∂(cap·tanh(z/cap))/∂z; 1 without a cap.
  const slopes = softcap === undefined ? null : tf.sub(1, tf.square(tf.div(logits, softcap)));
  return { ...values, ...derivativesTwin(chunk, softmax, slopes, attrs.trainHead === true) };
}

/**
 * The derivative of the loss with respect to the logits is weights·slopes·(softmax − onehot), in two parts. dHidden [m, C]. For dHead,
 * `pushed` [V, C] is the first part, and `pulled` [m, C] are the rows of the second one, each for its target.
 */
function derivativesTwin(
  chunk: ChunkTensors,
  softmax: tf.Tensor,
  slopes: tf.Tensor | null,
  trainHead: boolean,
): Omit<ChunkResult, 'nll' | 'entropy' | 'hits'> {
  const { hidden, head, targets, weights } = chunk;
  const first = slopes === null ? softmax : tf.mul(softmax, slopes);
  const second = slopes === null ? weights : tf.mul(weights, tf.expandDims(ofTargets(slopes, targets), 1));
  const dHidden = tf.sub(tf.mul(product(first, head), weights), tf.mul(tf.gather(head, targets), second));
  return trainHead
    ? { dHidden, pushed: product(first, tf.mul(hidden, weights), true), pulled: tf.mul(hidden, second) }
    : { dHidden };
}

/** The element of each row of `x` [m, V] at its target, [m]. */
function ofTargets(x: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  const [tokens = 0, vocabulary = 0] = x.shape;
  const indices = tf.add(tf.mul(tf.range(0, tokens, 1, 'int32'), tf.scalar(vocabulary, 'int32')), targets);
  return tf.gather(tf.reshape(x, [-1]), indices);
}
