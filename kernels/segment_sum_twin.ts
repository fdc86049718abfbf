/** The twin of `segment_sum` in plain tfjs ops. Cheap for many segments, and without tfjs's scatter, which adds in no fixed order. */

import * as tf from '@tensorflow/tfjs-core';

/**
 * Sums [count, N] of the rows of x [M, N] with equal `segments`, an input of the program. Each round adds neighbouring rows of every
 * segment, until each has one row.
 */
export function segmentSumTwin(x: tf.Tensor, segments: tf.Tensor, count: number): tf.Tensor {
  const members = membersOf(segments.dataSync());
  let rows = withZeros(x);
  while ([...members.values()].some(({ length }) => length > 1)) rows = withZeros(addNeighbours(rows, members));
  const row = new Int32Array(count);
  for (const [segment, [only = 0]] of members) if (segment < count) row[segment] = only;
  return tf.gather(rows, tf.tensor1d(row, 'int32'));
}

/** Segment → its rows, in order. Row 0 is the row of zeros that `withZeros` puts before the others. */
function membersOf(segments: ArrayLike<number>): Map<number, number[]> {
  const members = new Map<number, number[]>();
  Array.from(segments).forEach((segment, m) => {
    if (segment < 0) return;
    const rows = members.get(segment);
    if (rows === undefined) members.set(segment, [m + 1]);
    else rows.push(m + 1);
  });
  return members;
}

function withZeros(x: tf.Tensor): tf.Tensor {
  return tf.concat([tf.zeros([1, x.shape[1] ?? 0]), x]);
}

/** The sums of rows 2i and 2i + 1 of each segment; `members` then refers to them. */
function addNeighbours(rows: tf.Tensor, members: Map<number, number[]>): tf.Tensor {
  const [left, right]: [number[], number[]] = [[], []];
  for (const [segment, own] of members) {
    const first = left.length + 1;
    for (let i = 0; i < own.length; i += 2) {
      left.push(own[i] ?? 0);
      right.push(own[i + 1] ?? 0);
    }
    const sums = Math.ceil(own.length / 2);
    members.set(
      segment,
      Array.from({ length: sums }, (_, i) => first + i),
    );
  }
  const gather = (indices: number[]) => tf.gather(rows, tf.tensor1d(indices, 'int32'));
  return tf.add(gather(left), gather(right));
}
