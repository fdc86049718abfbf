/** The linear layer with its low-rank adapter: one product whose depth is extended by the adapter's rank. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape } from '../src/core/shape';
import { gemm, type Layout } from './lib/gemm';
import { bytesOf, readInput, readTensor, required, writeTensor } from './lib/launch';
import { lowrank } from './lowrank';
import type { Builder, Op, Spec, Use, Value } from './op';
import { isActivation, matrixOf, misfit, notTrained, only } from './lib/rule';
import { product } from './lib/twin';

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

/** The place of the addend among the inputs. */
const ADDEND = 5;

const EXPECTED =
  'a f32[M, K], w f32|f16|q8|q4 ([N, K] nt, [K, N] nn), and of p f32[M, R] with q f32 ([N, R] nt, [R, N] nn), bias f32[N], addend f32[M, N] any';

/**
 * [a, w, p?, q?, bias?, addend?] → [a·op(w) + scale·p·op(q) + bias + addend], f32 [M, N].
 * Weights (w, bias) are frozen; differentiable in a, p, q and addend.
 */
export const matmulOp: Op<MatmulAttrs> = {
  name: 'matmul',
  infer(inputs, attrs) {
    const { M, N } = sizesOf(inputs, attrs);
    return [{ shape: [M, N], dtype: 'f32' }];
  },
  gradient(builder, use, [dy = null], wanted) {
    if (wanted[1]) throw notTrained('matmul', 'w');
    if (wanted[4]) throw notTrained('matmul', 'bias');
    if (dy === null) return use.inputs.map(() => null);
    const { layout, scale } = use.attrs;
    const other: Layout = layout === 'nt' ? 'nn' : 'nt';
    const [, w = null, p = null, q = null] = use.inputs;
    const da = wanted[0] && w ? matmul(builder, { a: dy, w, layout: other }) : null;
    const dp = wanted[2] && q ? lowrank(builder, dy, q, { layout: other, scale }) : null;
    const [left, right] = layout === 'nt' ? [dy, p] : [p, dy];
    const dq = wanted[3] && left && right ? lowrank(builder, left, right, { layout: 'tn', scale }) : null;
    return [da, null, dp, dq, null, wanted[5] ? dy : null];
  },
  twin(inputs, { layout, scale }) {
    const nt = layout === 'nt';
    const times = (a: tf.Tensor, w: tf.Tensor) => product(a, w, false, nt);
    const [, , p, q, bias, addend] = inputs;
    let y: tf.Tensor = times(required(inputs, 0, 'a'), required(inputs, 1, 'w'));
    if (p && q) y = tf.add(y, tf.mul(times(p, q), scale));
    if (bias) y = tf.add(y, bias);
    return [addend ? tf.add(y, addend) : y];
  },
  f16(use, attrs) {
    const { N, K, R } = sizesOf(use.inputs, attrs);
    const fours = [N, K, R].every((size) => size % 4 === 0);
    const addend = use.inputs[ADDEND] ?? null;
    // A sum with the residual stream keeps its precision.
    return { inputs: [0, ADDEND], outputs: fours && (addend === null || addend.dtype === 'f16') ? [0] : [] };
  },
  cost(use, attrs) {
    const { M, N, K, R } = sizesOf(use.inputs, attrs);
    const sums = [use.inputs[4], use.inputs[5]].filter((input) => input).length;
    return { flops: 2 * M * N * (K + R) + sums * M * N, bytes: bytesOf(use) };
  },
  launch(use, attrs, target) {
    const { M, N, K, R } = sizesOf(use.inputs, attrs);
    const type = required(use.inputs, 1, 'w').dtype;
    return gemm(
      {
        label: `matmul ${attrs.layout}`,
        layout: attrs.layout,
        rows: M,
        columns: N,
        product: { a: readTensor(use, 0), w: readInput(1), type, depth: K, factor: 1 },
        extension: R > 0 ? { a: readInput(2), w: readInput(3), type: 'f32', depth: R, factor: attrs.scale } : null,
        bias: use.inputs[4] ? readInput(4) : null,
        addend: use.inputs[ADDEND] ? readTensor(use, ADDEND) : null,
        y: writeTensor(use, 0),
      },
      target,
    );
  },
};

function sizesOf(inputs: Use['inputs'], { layout }: MatmulAttrs): Sizes {
  const [a, w, p, q, bias, addend] = inputs;
  const [M, K] = matrixOf(a) ?? [0, 0];
  const [wRows, wColumns] = matrixOf(w) ?? [0, 0];
  const [N, depth] = layout === 'nt' ? [wRows, wColumns] : [wColumns, wRows];
  const R = p?.shape[1] ?? 0;
  const fits =
    isActivation(a) &&
    w?.dtype !== 'i32' &&
    M * N * K > 0 &&
    depth === K &&
    !p === !q &&
    isF32(p, [M, R]) &&
    isF32(q, layout === 'nt' ? [N, R] : [R, N]) &&
    isF32(bias, [N]) &&
    (!addend || (isActivation(addend) && sameShape(addend.shape, [M, N])));
  if (!fits || (p && R === 0)) throw misfit(`matmul ${layout}`, inputs, EXPECTED);
  return { M, N, K, R };
}

/** An optional input is absent, or f32 of this shape. */
function isF32(spec: Spec | null | undefined, shape: readonly number[]): boolean {
  if (!spec) return true;
  return spec.dtype === 'f32' && sameShape(spec.shape, shape);
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
  const attrs = { layout, scale: adapter?.scale ?? 1 };
  return only(builder.apply(matmulOp, [a, w, adapter?.p ?? null, adapter?.q ?? null, bias, addend], attrs));
}
