/** Rounding to f16 for the twins, in tfjs ops, so that no number has to be read back to the host. */

import * as tf from '@tensorflow/tfjs-core';

/** The smallest normal f16; below it f16 counts in equal steps. */
const SMALLEST_NORMAL = 2 ** -14;
/** f32 has 13 more fraction bits than f16: in [2^13·p, 2^14·p) its last place is that of an f16 in [p, 2p). */
const SHIFT = 1.5 * 2 ** 13;
const LARGEST = 65504;

/** `x` as it reads back from storage in f16: rounded to nearest, ties to even, infinite where f16 overflows. */
export function roundedToF16(x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const shift = tf.mul(powerOfTwo(tf.abs(x)), SHIFT);
    const nearest = tf.sub(tf.add(x, shift), shift);
    return tf.where(tf.greater(tf.abs(nearest), LARGEST), tf.mul(nearest, Infinity), nearest);
  });
}

/**
 * The largest power of two that is at most `size`, between 2^-14 and 2^17. Found by comparisons: exponentials and logarithms are
 * approximate on some backends.
 */
function powerOfTwo(size: tf.Tensor): tf.Tensor {
  return [16, 8, 4, 2, 1].reduce<tf.Tensor>(
    (power, exponent) => {
      const larger = tf.mul(power, 2 ** exponent);
      return tf.where(tf.greaterEqual(size, larger), larger, power);
    },
    tf.fill(size.shape, SMALLEST_NORMAL),
  );
}
