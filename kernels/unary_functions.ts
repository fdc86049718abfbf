/** The functions of `unary`: their names and parameters, and their twins, values and derivatives in plain tfjs ops. */

import * as tf from '@tensorflow/tfjs-core';

/** Functions without parameters. */
const PLAIN = ['gelu', 'gelu_tanh', 'silu', 'relu', 'tanh', 'sigmoid', 'exp', 'log', 'softplus'] as const;

/**
 * - gelu: x·Φ(x), Φ the normal distribution function (Hendrycks and Gimpel, arXiv 1606.08415).
 * - gelu_tanh: its approximation x·(1 + tanh(√(2/π)(x + 0.044715x³)))/2.
 * - silu: x·sigmoid(x). relu: max(x, 0).
 * - exp: saturates at exp(88.7), near the largest f32. log: for x > 0.
 * - softplus: log(1 + exp(x)), precise at both ends, so that −log sigmoid(x) = softplus(−x).
 * - softcap: cap·tanh(x/cap). affine: scale·x + shift.
 */
export type UnaryAttrs =
  | { readonly kind: (typeof PLAIN)[number] }
  | { readonly kind: 'softcap'; readonly cap: number }
  | { readonly kind: 'affine'; readonly scale: number; readonly shift: number };

export type UnaryKind = UnaryAttrs['kind'];

export const UNARY_KINDS: readonly UnaryKind[] = [...PLAIN, 'softcap', 'affine'];

type Function = (x: tf.Tensor) => tf.Tensor;

export interface Functions {
  readonly value: Function;
  /** The derivative of `value`. */
  readonly slope: Function;
}

/** `exp` saturates here: exp of this is 3.3e38, and the largest f32 is 3.4e38. */
export const MAX_EXPONENT = 88.7;

/**
 * Φ(−u) = exp(−u²/2)·s·p(s) for u ≥ 0, with s = 1/(1 + NORMAL_TAIL_STEP·u) and the coefficients of p from the highest power down. The
 * form is that of Abramowitz and Stegun 7.1.26, whose five terms are too few for f32. tests/unit/fixtures/make_unary.py fits these to
 * 40 digits of erfc; relative error 3.2e-8 for u ≤ 14. tfjs's erf is formula 7.1.26 itself, with errors of 1.5e-7.
 */
export const NORMAL_TAIL_STEP = 0.35;
export const NORMAL_TAIL = [
  -0.029146138578653336, 0.143972709774971, -0.25571632385253906, 0.15917648375034332, -0.023111416026949883, 0.10550866276025772,
  0.11983270198106766, 0.13986189663410187, 0.13962140679359436,
] as const;

/** √(2/π), of gelu_tanh. */
const ROOT = Math.sqrt(2 / Math.PI);

/** The function that `attrs` names. */
export function functionsOf(attrs: UnaryAttrs): Functions {
  switch (attrs.kind) {
    case 'softcap':
      return { value: (x) => tf.mul(tf.tanh(tf.div(x, attrs.cap)), attrs.cap), slope: (x) => tanhSlope(tf.div(x, attrs.cap)) };
    case 'affine':
      return { value: (x) => tf.add(tf.mul(x, attrs.scale), attrs.shift), slope: (x) => tf.fill(x.shape, attrs.scale) };
    default:
      return FUNCTIONS[attrs.kind];
  }
}

const FUNCTIONS: { readonly [K in (typeof PLAIN)[number]]: Functions } = {
  gelu: { value: (x) => tf.mul(x, normal(x)), slope: (x) => tf.add(normal(x), tf.mul(x, density(x))) },
  gelu_tanh: { value: (x) => tf.mul(x, tf.sigmoid(inner(x))), slope: geluTanhSlope },
  silu: { value: (x) => tf.mul(x, tf.sigmoid(x)), slope: siluSlope },
  relu: { value: (x) => tf.relu(x), slope: (x) => tf.cast(tf.greater(x, 0), 'float32') },
  tanh: { value: (x) => tf.tanh(x), slope: tanhSlope },
  sigmoid: { value: (x) => tf.sigmoid(x), slope: sigmoidSlope },
  exp: { value: exponential, slope: exponential },
  log: { value: (x) => tf.log(x), slope: (x) => tf.reciprocal(x) },
  softplus: { value: (x) => tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x))))), slope: (x) => tf.sigmoid(x) },
};

function exponential(x: tf.Tensor): tf.Tensor {
  return tf.exp(tf.minimum(x, MAX_EXPONENT));
}

function sigmoidSlope(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.sigmoid(x), tf.sigmoid(tf.neg(x)));
}

function tanhSlope(x: tf.Tensor): tf.Tensor {
  return tf.mul(sigmoidSlope(tf.mul(x, 2)), 4);
}

function siluSlope(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.sigmoid(x), tf.add(tf.mul(x, tf.sigmoid(tf.neg(x))), 1));
}

/** Φ, the normal distribution function. */
function normal(x: tf.Tensor): tf.Tensor {
  const u = tf.minimum(tf.abs(x), 14);
  const s = tf.reciprocal(tf.add(tf.mul(u, NORMAL_TAIL_STEP), 1));
  const [highest, ...others] = NORMAL_TAIL;
  const polynomial = others.reduce<tf.Tensor>((sum, each) => tf.add(tf.mul(sum, s), each), tf.fill(x.shape, highest));
  const tail = tf.mul(tf.mul(tf.exp(tf.mul(tf.square(u), -0.5)), s), polynomial);
  return tf.where(tf.greater(x, 0), tf.sub(1, tail), tail);
}

/** The derivative of Φ. */
function density(x: tf.Tensor): tf.Tensor {
  const u = tf.minimum(tf.abs(x), 14);
  return tf.mul(tf.exp(tf.mul(tf.square(u), -0.5)), 1 / Math.sqrt(2 * Math.PI));
}

/** 2√(2/π)(x + 0.044715x³), because (1 + tanh(t))/2 = sigmoid(2t). Clipped far outside of where sigmoid is saturated. */
function inner(x: tf.Tensor): tf.Tensor {
  const c = tf.clipByValue(x, -30, 30);
  return tf.mul(tf.mul(c, 2 * ROOT), tf.add(tf.mul(tf.square(c), 0.044715), 1));
}

function geluTanhSlope(x: tf.Tensor): tf.Tensor {
  const c = tf.clipByValue(x, -30, 30);
  const innerSlope = tf.mul(tf.add(tf.mul(tf.square(c), 3 * 0.044715), 1), 2 * ROOT);
  return tf.add(tf.sigmoid(inner(x)), tf.mul(tf.mul(x, sigmoidSlope(inner(x))), innerSlope));
}
