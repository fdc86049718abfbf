/** Products with one small side, x·Aᵀ and u·A, and the gradients of adapters and weights, which sum over tokens. */

import * as tf from '@tensorflow/tfjs-core';
import { f32, specialise } from '../src/gpu/shader';
import { bindRange, itemRanges, type ItemRange } from './lib/binding-ranges';
import { gemm } from './lib/gemm';
import { transposedGemm } from './lib/gemm-transposed';
import { bytesOf, read, readScratch, write, writeScratch } from './lib/launch';
import { addPartialSums } from './lib/partial-sums';
import { products, stored } from './lib/processor';
import { f32Spec, isActivation, isF32, matrixOf, misfit } from './lib/rule';
import { withTensors } from './lib/tensors';
import { product } from './lib/twin';
import { unroll } from './lib/unroll';
import source from './lowrank.wgsl?raw';
import {
  defineOp,
  type Binding,
  type Builder,
  type Dispatch,
  type Launch,
  type Operand,
  type Spec,
  type Target,
  type Value,
} from './op';

/** nt: a [M, K]·(b [N, K])ᵀ. nn: a [M, K]·b [K, N]. tn: (a [K, M])ᵀ·b [K, N]. Each gives [M, N] and is multiplied by `scale`. */
export interface LowrankAttrs {
  readonly layout: 'nt' | 'nn' | 'tn';
  readonly scale: number;
}

interface Sizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** y [M, N] = scale·product of a and b in a layout of `LowrankAttrs`, f32. */
export const lowrankOp = defineOp<LowrankAttrs>()({
  name: 'lowrank',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer(inputs, { layout }) {
    const { M, N } = sizesOf(inputs, layout);
    return { y: f32Spec([M, N]) };
  },
  gradient(builder, { inputs: { a, b }, attrs: { layout, scale } }, { y: dy }, wanted) {
    const times = (left: Value, right: Value, of: LowrankAttrs['layout']) => lowrank(builder, left, right, { layout: of, scale });
    const da = { nt: () => times(dy, b, 'nn'), nn: () => times(dy, b, 'nt'), tn: () => times(b, dy, 'nt') };
    const db = { nt: () => times(dy, a, 'tn'), nn: () => times(a, dy, 'tn'), tn: () => times(a, dy, 'nn') };
    return { a: wanted.a ? da[layout]() : null, b: wanted.b ? db[layout]() : null };
  },
  twin: ({ a, b }, { layout, scale }) => ({ y: tf.mul(product(a, b, layout === 'tn', layout === 'nt'), scale) }),
  // A result as narrow as the rank is small and stays f32.
  f16({ inputs }, { layout }) {
    const { N, K } = sizesOf(inputs, layout);
    if (layout === 'tn') return { inputs: ['a', 'b'], outputs: [] };
    return { inputs: ['a'], outputs: N > K && N % 4 === 0 && K % 4 === 0 ? ['y'] : [] };
  },
  cost(use, { layout }) {
    const { M, N, K } = sizesOf(use.inputs, layout);
    return { flops: 2 * M * N * K, bytes: bytesOf(use) };
  },
  launch({ inputs: { a, b }, outputs: { y } }, { layout, scale }, target) {
    const { M, N, K } = sizesOf({ a, b }, layout);
    if (layout === 'tn') return tokenSum(a, b, write(y), { scale, accumulate: false }, target);
    const factors = { a: read(a), w: read(b), type: 'f32', depth: K, factor: scale } as const;
    return gemm({ label: `lowrank ${layout}`, layout, rows: M, columns: N, product: factors, y: write(y) }, target);
  },
  processor: ({ inputs: { a, b }, outputs: { y } }, { layout, scale }, processor) =>
    products({ ...factorsOf(a, b, layout), factor: scale, y: stored(y) }, processor),
});

/** scale·product of two f32 matrices; see `LowrankAttrs` for the layouts. */
export function lowrank(builder: Builder, a: Value, b: Value, attrs: LowrankAttrs): Value {
  return builder.apply(lowrankOp, { a, b }, attrs).y;
}

export type LowrankSumAttrs = Pick<LowrankAttrs, 'scale'>;

/**
 * state [M, N] += scale·aᵀ·b for a [K, M] and b [K, N], f32. The kernel that computes an adapter's gradient adds it to those of the
 * earlier micro-batches.
 */
export const lowrankSumOp = defineOp<LowrankSumAttrs>()({
  name: 'lowrank_sum',
  inputs: ['a', 'b', 'state'],
  outputs: ['state'],
  updates: ['state'],
  infer(inputs) {
    const { M, N } = sizesOf(inputs, 'tn');
    if (!isF32(inputs.state, [M, N])) throw misfit('lowrank_sum', inputs, `a state f32[${M}, ${N}]`);
    return { state: f32Spec([M, N]) };
  },
  gradient: null,
  twin: ({ a, b, state }, { scale }) => ({ state: tf.add(state, tf.mul(product(a, b, true, false), scale)) }),
  f16: () => ({ inputs: ['a', 'b'], outputs: [] }),
  cost(use) {
    const { M, N, K } = sizesOf(use.inputs, 'tn');
    return { flops: 2 * M * N * K + M * N, bytes: bytesOf(use) };
  },
  launch: ({ inputs: { a, b }, outputs: { state } }, { scale }, target) =>
    tokenSum(a, b, write(state), { scale, accumulate: true }, target),
  processor: ({ inputs: { a, b }, outputs: { state } }, { scale }, processor) =>
    products({ ...factorsOf(a, b, 'tn'), factor: scale, accumulate: true, y: stored(state) }, processor),
});

function factorsOf(a: Operand, b: Operand, layout: LowrankAttrs['layout']) {
  return { a: { matrix: stored(a), transposed: layout === 'tn' }, w: { matrix: stored(b), transposed: layout === 'nt' } };
}

function sizesOf({ a, b }: { readonly a: Spec; readonly b: Spec }, layout: LowrankAttrs['layout']): Sizes {
  const [aRows, aColumns] = matrixOf(a) ?? [0, 0];
  const [bRows, bColumns] = matrixOf(b) ?? [0, 0];
  const [M, K] = layout === 'tn' ? [aColumns, aRows] : [aRows, aColumns];
  const [N, depth] = layout === 'nt' ? [bRows, bColumns] : [bColumns, bRows];
  if (!isActivation(a) || !isActivation(b) || K !== depth || M * N * K === 0)
    throw misfit(
      `lowrank ${layout}`,
      { a, b },
      'two f32|f16 matrices of the same depth K: nt [M, K] and [N, K], nn [M, K] and [K, N], tn [K, M] and [K, N]',
    );
  return { M, N, K };
}

/** Invocations over tokens that fill a GPU. A CPU needs few, and gains more from larger tiles. */
const THREADS = { gpu: 32768, cpu: 64 };
/** Splits of fewer tokens than this cost more for the sum than they gain. */
const SHORTEST_SPLIT = 32;

/** Widths up to which a sum over tokens takes the kernel for narrow results. */
const NARROW = 64;

/** How the sum is stored: multiplied by `scale`, and added to what the output holds. */
interface Storing {
  readonly scale: number;
  readonly accumulate: boolean;
}

/** The tile of each invocation, side × side, and the tokens that one split sums over. */
interface TokenTile {
  readonly side: number;
  readonly splitTokens: number;
}

/** aᵀ·b with the kernel for narrow results, or with the tiles of the matrix product. */
function tokenSum(a: Operand, b: Operand, y: Binding, storing: Storing, target: Target): Launch {
  const { M, N, K } = sizesOf({ a, b }, 'tn');
  if (Math.min(M, N) <= NARROW) return narrowSum(a, b, y, storing, target);
  const sizes = { label: 'lowrank tn', rows: M, columns: N, depth: K };
  const { scale: factor, accumulate } = storing;
  return transposedGemm({ ...sizes, a: read(a), w: read(b), type: b.dtype, factor, accumulate, y }, target);
}

/** aᵀ·b. Splits of the tokens are summed in parallel into scratch and then added; one stage when the result has enough invocations. */
function narrowSum(a: Operand, b: Operand, y: Binding, storing: Storing, target: Target): Launch {
  const { M, N, K } = sizesOf({ a, b }, 'tn');
  const { software } = target;
  const side = software ? 8 : 4;
  const threads = Math.ceil(M / side) * Math.ceil(N / side);
  const wanted = Math.ceil((software ? THREADS.cpu : THREADS.gpu) / threads);
  const splitTokens = Math.ceil(K / Math.max(1, Math.min(wanted, Math.floor(K / SHORTEST_SPLIT))));
  const what = `lowrank tn over ${K} tokens`;
  const blocks = itemRanges({ what, count: K, bytes: 4 * Math.max(M, N) }, target.maxBindingBytes);
  const tile = { side, splitTokens };
  if (blocks.length === 1 && splitTokens === K) {
    const alone = { tokens: { first: 0, count: K }, firstSplit: 0, storing, y };
    return { scratch: [], dispatches: [reduce(a, b, tile, alone)] };
  }
  const splits = blocks.map(({ count }) => Math.ceil(count / splitTokens));
  const before = (block: number) => splits.slice(0, block).reduce((sum, count) => sum + count, 0);
  const partial = { storing: { scale: 1, accumulate: false }, y: writeScratch(0) };
  const stages = blocks.map((tokens, i) => reduce(a, b, tile, { ...partial, tokens, firstSplit: before(i) }));
  const count = before(blocks.length);
  const sums = { partials: readScratch(0), count, rows: M, columns: N, factor: storing.scale, accumulate: storing.accumulate, y };
  return { scratch: [4 * M * N * count], dispatches: [...stages, addPartialSums({ label: 'lowrank sum', ...sums })] };
}

/** A range of tokens that fits a binding, and where its splits are stored. */
interface Block {
  readonly tokens: ItemRange;
  readonly firstSplit: number;
  readonly storing: Storing;
  readonly y: Binding;
}

function reduce(
  a: Operand,
  b: Operand,
  { side, splitTokens }: TokenTile,
  { tokens, firstSplit, storing: { scale, accumulate }, y }: Block,
): Dispatch {
  const { M, N, K } = sizesOf({ a, b }, 'tn');
  const columns = Math.ceil(N / side);
  const X = Math.min(16, 2 ** Math.ceil(Math.log2(columns)));
  const Y = 64 / X;
  const constants = {
    ...{ VECTOR: M % 4 === 0 && N % 4 === 0, FACTOR: f32(scale), ACCUMULATE: accumulate },
    ...{ ROWS: M, COLUMNS: N, DEPTH: tokens.count, SPLIT_TOKENS: splitTokens, FIRST_SPLIT: firstSplit },
    ...{ TM: side, TN: side, X, Y },
  };
  const code = unroll(source, { TM4: side / 4, TN4: side / 4 });
  const workgroups = [Math.ceil(columns / X), Math.ceil(M / (side * Y)), Math.ceil(tokens.count / splitTokens)] as const;
  const inRange = (binding: Binding, width: number) => (tokens.count === K ? binding : bindRange(binding, tokens, 4 * width));
  const bindings = [inRange(read(a), M), inRange(read(b), N), y];
  return { shader: specialise('lowrank tn', withTensors(code, bindings, constants), 'reduce', constants), workgroups, bindings };
}
