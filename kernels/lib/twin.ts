/** Matrix products for the twins, in the form that tfjs's wasm backend has a fast path for: rank 2 and not transposed. Long sums. */

import * as tf from '@tensorflow/tfjs-core';

/** a·b of two matrices, or of each pair in two stacks [n, rows, columns]; each operand optionally transposed. */
export function product(a: tf.Tensor, b: tf.Tensor, transposeA = false, transposeB = false): tf.Tensor {
  const left = transposeA ? transposed(a) : a;
  if (left.rank === 2 && transposeB && isWide(left, b)) return transposed(tf.matMul(b, transposed(left)));
  const right = transposeB ? transposed(b) : b;
  if (left.rank === 2) return tf.matMul(left, right);
  const rights = tf.unstack(right);
  return tf.stack(tf.unstack(left).map((matrix, i) => tf.matMul(matrix, rights[i] ?? matrix)));
}

/** Whether a·bᵀ is cheaper as (b·aᵀ)ᵀ: when transposing b, a weight, moves more than transposing a and the result, as for one token. */
function isWide(a: tf.Tensor, b: tf.Tensor): boolean {
  const [rows = 0] = a.shape;
  const [columns = 0] = b.shape;
  return b.size > a.size + rows * columns;
}

function transposed(x: tf.Tensor): tf.Tensor {
  return tf.transpose(x, x.rank === 2 ? [1, 0] : [0, 2, 1]);
}

const SUM_ROWS = 1024;

/** The sum of all elements, as [1]. Short rows first: a plain running sum in f32 loses millions of small terms. */
export function sumOf(x: tf.Tensor): tf.Tensor {
  const rows = Math.ceil(x.size / SUM_ROWS);
  const padded = tf.pad(tf.reshape(x, [x.size]), [[0, rows * SUM_ROWS - x.size]]);
  return tf.reshape(tf.sum(tf.sum(tf.reshape(padded, [rows, SUM_ROWS]), 1)), [1]);
}
