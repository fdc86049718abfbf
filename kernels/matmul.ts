/** The linear layer with its low-rank adapter: one product whose depth is extended by the rank. Its shaders are lib/gemm*.wgsl. */

import * as tf from '@tensorflow/tfjs-core';
import { columnSum } from './column_sum';
import { gemm, type Layout } from './lib/gemm';
import { bytesOf, read, write } from './lib/launch';
import type { Named } from './lib/named';
import { products, stored } from './lib/processor';
import { f32Spec, isActivation, isActivationOf, isF32, matrixOf, misfit, requireF32 } from './lib/rule';
import { product } from './lib/twin';
import { lowrank } from './lowrank';
import { defineOp, type Builder, type Spec, type Value } from './op';

/** nt: weights [N, K], y = a·wᵀ. nn: weights [K, N], y = a·w. `scale` multiplies the low-rank part. */
export interface MatmulAttrs {
  readonly layout: Layout;
  readonly scale: number;
}

/** The sizes of y [M, N], a [M, K] and p [M, R]; R is 0 without the low-rank part. */
interface Sizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly R: number;
}

const INPUTS = ['a', 'w', 'p?', 'q?', 'bias?', 'addend?'] as const;
const EXPECTED =
  'a f32|f16[M, K], w f32|f16|q8|q4 ([N, K] nt, [K, N] nn), and optionally p f32[M, R] with q f32 ([N, R] nt, [R, N] nn), bias f32[N], addend f32|f16[M, N]';

/**
 * y = a·op(w) + scale·p·op(q) + bias + addend, f32 [M, N]. Differentiable in every input; a weight that is trained must be f32.
 */
export const matmulOp = defineOp<MatmulAttrs>()({
  name: 'matmul',
  inputs: INPUTS,
  outputs: ['y'],
  infer(inputs, attrs) {
    const { M, N } = sizesOf(inputs, attrs);
    return { y: f32Spec([M, N]) };
  },
  gradient(builder, { inputs: { a, w, p, q }, attrs: { layout, scale } }, { y: dy }, wanted) {
    if (wanted.w) requireF32('matmul', 'w', w);
    const other: Layout = layout === 'nt' ? 'nn' : 'nt';
    const sumOverRows = (left: Value, factor: number) => {
      const [first, second] = layout === 'nt' ? [dy, left] : [left, dy];
      return lowrank(builder, first, second, { layout: 'tn', scale: factor });
    };
    return {
      a: wanted.a ? matmul(builder, { a: dy, w, layout: other }) : null,
      w: wanted.w ? sumOverRows(a, 1) : null,
      p: wanted.p && q ? lowrank(builder, dy, q, { layout: other, scale }) : null,
      q: wanted.q && p ? sumOverRows(p, scale) : null,
      bias: wanted.bias ? columnSum(builder, dy) : null,
      addend: wanted.addend ? dy : null,
    };
  },
  twin({ a, w, p, q, bias, addend }, { layout, scale }) {
    const times = (left: tf.Tensor, right: tf.Tensor) => product(left, right, false, layout === 'nt');
    let y: tf.Tensor = times(a, w);
    if (p && q) y = tf.add(y, tf.mul(times(p, q), scale));
    if (bias) y = tf.add(y, bias);
    return { y: addend ? tf.add(y, addend) : y };
  },
  f16({ inputs }, attrs) {
    const { N, K, R } = sizesOf(inputs, attrs);
    const vectors = [N, K, R].every((size) => size % 4 === 0);
    // A sum with the residual stream stays f32.
    const residual = inputs.addend?.dtype === 'f32';
    return { inputs: ['a', 'addend'], outputs: vectors && !residual ? ['y'] : [] };
  },
  cost(use, attrs) {
    const { M, N, K, R } = sizesOf(use.inputs, attrs);
    const sums = [use.inputs.bias, use.inputs.addend].filter((input) => input !== null).length;
    return { flops: 2 * M * N * (K + R) + sums * M * N, bytes: bytesOf(use) };
  },
  launch({ inputs, outputs: { y } }, attrs, target) {
    const { a, w, p, q, bias, addend } = inputs;
    const { M, N, K, R } = sizesOf(inputs, attrs);
    const problem = {
      ...{ label: `matmul ${attrs.layout}`, layout: attrs.layout, rows: M, columns: N },
      product: { a: read(a), w: read(w), type: w.dtype, depth: K, factor: 1 },
      extension: p && q && ({ a: read(p), w: read(q), type: 'f32', depth: R, factor: attrs.scale } as const),
      ...{ bias: bias && read(bias), addend: addend && read(addend), y: write(y) },
    };
    return gemm(problem, target);
  },
  processor({ inputs: { a, w, p, q, bias, addend }, outputs: { y } }, { layout, scale }, processor) {
    const extension = p && q && { a: stored(p), w: stored(q), factor: scale };
    const first = { matrix: stored(a), transposed: false };
    const second = { matrix: stored(w), transposed: layout === 'nt' };
    return products({ a: first, w: second, factor: 1, extension, bias, addend, y: stored(y) }, processor);
  },
});

function sizesOf(inputs: Named<typeof INPUTS, Spec>, { layout }: MatmulAttrs): Sizes {
  const { a, w, p, q, bias, addend } = inputs;
  const [M, K] = matrixOf(a) ?? [0, 0];
  const [wRows, wColumns] = matrixOf(w) ?? [0, 0];
  const [N, depth] = layout === 'nt' ? [wRows, wColumns] : [wColumns, wRows];
  const R = p?.shape[1] ?? 0;
  const fits =
    isActivation(a) &&
    w.dtype !== 'i32' &&
    M * N * K > 0 &&
    depth === K &&
    (p === null) === (q === null) &&
    (p === null || (R > 0 && isF32(p, [M, R]))) &&
    (q === null || isF32(q, layout === 'nt' ? [N, R] : [R, N])) &&
    (bias === null || isF32(bias, [N])) &&
    (addend === null || isActivationOf(addend, [M, N]));
  if (!fits) throw misfit(`matmul ${layout}`, inputs, EXPECTED);
  return { M, N, K, R };
}

export interface MatmulInputs {
  /** f32 [M, K]. */
  readonly a: Value;
  /** f32, f16, q8 or q4: [N, K] when nt, [K, N] when nn. */
  readonly w: Value;
  readonly layout?: Layout;
  /** The adapter: p f32 [M, R] = a·Aᵀ and q f32 ([N, R] when nt, [R, N] when nn), times `scale`. */
  readonly adapter?: { readonly p: Value; readonly q: Value; readonly scale: number } | null;
  readonly bias?: Value | null;
  readonly addend?: Value | null;
}

/** a·op(w) + scale·p·op(q) + bias + addend, f32 [M, N]. */
export function matmul(builder: Builder, inputs: MatmulInputs): Value {
  const { a, w, layout = 'nt', adapter = null, bias = null, addend = null } = inputs;
  const { p, q, scale } = adapter ?? { p: null, q: null, scale: 1 };
  return builder.apply(matmulOp, { a, w, p, q, bias, addend }, { layout, scale }).y;
}
