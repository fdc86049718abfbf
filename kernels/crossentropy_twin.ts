/** The twin of `crossentropy` in plain tfjs ops, in chunks of tokens so that large vocabularies fit wasm's memory. */

import * as tf from '@tensorflow/tfjs-core';
import { product } from './lib/twin';

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

/** loss [1], nll [M], and when training dHidden [M, C]. */
export function crossentropyTwin(inputs: CrossentropyTensors, { training }: { readonly training: boolean }) {
  const { hidden, head, labels } = inputs;
  const labelled = tf.cast(tf.greaterEqual(labels, 0), 'float32');
  const weights = tf.mul(inputs.weights, labelled);
  // tf.maximum of the wasm backend returns float32 for any input type.
  const targets = tf.cast(tf.maximum(labels, tf.scalar(0, 'int32')), 'int32');
  const [M = 0] = hidden.shape;
  const [V = 0] = head.shape;
  const rows = Math.max(1, Math.floor(CHUNK_ELEMENTS / V));
  const chunks = Array.from({ length: Math.ceil(M / rows) }, (_, i) => {
    const part = <T extends tf.Tensor>(x: T) => tf.slice(x, [i * rows], [Math.min(rows, M - i * rows)]);
    return tf.tidy(() => chunkTwin(part(hidden), head, part(targets), training));
  });
  const nll = tf.mul(tf.concat(chunks.map((chunk) => chunk.nll)), labelled);
  const loss = tf.reshape(tf.sum(tf.mul(weights, nll)), [1]);
  if (!training) return { loss, nll, dHidden: null };
  const dHidden = tf.concat(chunks.flatMap((chunk) => chunk.dHidden ?? []));
  return { loss, nll, dHidden: tf.mul(dHidden, tf.expandDims(weights, 1)) };
}

/** nll [m], and when training ∂nll/∂hidden = softmax·head − head[target], [m, C]. */
function chunkTwin(hidden: tf.Tensor, head: tf.Tensor, targets: tf.Tensor, training: boolean) {
  const logits = product(hidden, head, false, true);
  const top = tf.max(logits, 1, true);
  const exponentials = tf.exp(tf.sub(logits, top));
  const sum = tf.sum(exponentials, 1, true);
  const [tokens = 0, vocabulary = 0] = logits.shape;
  const indices = tf.add(tf.mul(tf.range(0, tokens, 1, 'int32'), tf.scalar(vocabulary, 'int32')), targets);
  const picked = tf.gather(tf.reshape(logits, [-1]), indices);
  const nll = tf.add(tf.squeeze(tf.log(sum), [1]), tf.sub(tf.squeeze(top, [1]), picked));
  if (!training) return { nll };
  return { nll, dHidden: tf.sub(product(tf.div(exponentials, sum), head), tf.gather(head, targets)) };
}
