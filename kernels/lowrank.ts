/** Products with one small side: x·Aᵀ, u·A and the adapter's own gradients, which sum over tokens. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape } from '../src/core/shape';
import { f32, specialise } from '../src/gpu/shader';
import { gemm } from './lib/gemm';
import { bytesOf, readInput, readScratch, readTensor, required, writeOutput, writeScratch, writeTensor } from './lib/launch';
import source from './lowrank.wgsl?raw';
import type { Binding, Builder, Dispatch, Launch, Op, Target, Use, Value } from './op';
import { isActivation, matrixOf, misfit, only } from './lib/rule';
import { itemRanges, bindRange, type ItemRange } from './lib/binding-ranges';
import { addPartialSums } from './lib/partial-sums';
import { unroll } from './lib/unroll';
import { withTensors } from './lib/tensors';
import { product } from './lib/twin';

/** nt: a [M, K]·(b [N, K])ᵀ. nn: a [M, K]·b [K, N]. tn: (a [K, M])ᵀ·b [K, N]. All give [M, N], times `scale`. */
export interface LowrankAttrs {
  readonly layout: 'nt' | 'nn' | 'tn';
  readonly scale: number;
}

interface Sizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** [a, b] f32 → [scale·product], f32 [M, N]. */
export const lowrankOp: Op<LowrankAttrs> = {
  name: 'lowrank',
  infer(inputs, attrs) {
    const { M, N } = sizesOf(inputs, attrs);
    return [{ shape: [M, N], dtype: 'f32' }];
  },
  gradient(builder, use, [dy = null], wanted) {
    if (dy === null) return [null, null];
    const { layout, scale } = use.attrs;
    const a = required(use.inputs, 0, 'a');
    const b = required(use.inputs, 1, 'b');
    const product = (left: Value, right: Value, of: LowrankAttrs['layout']) =>
      lowrank(builder, left, right, { layout: of, scale });
    const da = { nt: () => product(dy, b, 'nn'), nn: () => product(dy, b, 'nt'), tn: () => product(b, dy, 'nt') };
    const db = { nt: () => product(dy, a, 'tn'), nn: () => product(a, dy, 'tn'), tn: () => product(a, dy, 'nn') };
    return [wanted[0] ? da[layout]() : null, wanted[1] ? db[layout]() : null];
  },
  twin(inputs, { layout, scale }) {
    const found = product(required(inputs, 0, 'a'), required(inputs, 1, 'b'), layout === 'tn', layout === 'nt');
    return [tf.mul(found, scale)];
  },
  // What is as narrow as the rank is small, and stays in f32.
  f16(use, attrs) {
    const { N, K } = sizesOf(use.inputs, attrs);
    if (attrs.layout === 'tn') return { inputs: [0, 1], outputs: [] };
    return { inputs: [0], outputs: N > K && N % 4 === 0 && K % 4 === 0 ? [0] : [] };
  },
  cost(use, attrs) {
    const { M, N, K } = sizesOf(use.inputs, attrs);
    return { flops: 2 * M * N * K, bytes: bytesOf(use) };
  },
  launch(use, attrs, target) {
    const sizes = sizesOf(use.inputs, attrs);
    const { layout, scale } = attrs;
    if (layout === 'tn') return tokenSum(use, sizes, { scale, accumulate: false }, target);
    const product = { a: readTensor(use, 0), w: readInput(1), type: 'f32', depth: sizes.K, factor: scale } as const;
    const label = `lowrank ${layout}`;
    return gemm({ label, layout, rows: sizes.M, columns: sizes.N, product, y: writeTensor(use, 0) }, target);
  },
};

export type LowrankSumAttrs = Pick<LowrankAttrs, 'scale'>;

/**
 * [a [K, M], b [K, N], state [M, N]] f32 → [state + scale·aᵀ·b], in the state's buffer: an adapter's gradient, gathered over
 * micro-batches by the kernel that makes it.
 */
export const lowrankSumOp: Op<LowrankSumAttrs> = {
  name: 'lowrank_sum',
  updates: [2],
  infer(inputs, { scale }) {
    const { M, N } = sizesOf(inputs, { layout: 'tn', scale });
    const [, , state] = inputs;
    if (state?.dtype !== 'f32' || !sameShape(state.shape, [M, N]))
      throw misfit('lowrank_sum', inputs, 'f32 [K, M], [K, N] and the state [M, N]');
    return [{ shape: state.shape, dtype: 'f32' }];
  },
  gradient: null,
  twin(inputs, { scale }) {
    const found = product(required(inputs, 0, 'a'), required(inputs, 1, 'b'), true, false);
    return [tf.add(required(inputs, 2, 'state'), tf.mul(found, scale))];
  },
  f16: () => ({ inputs: [0, 1], outputs: [] }),
  cost(use, { scale }) {
    const { M, N, K } = sizesOf(use.inputs, { layout: 'tn', scale });
    return { flops: 2 * M * N * K + M * N, bytes: bytesOf(use) };
  },
  launch(use, { scale }, target) {
    return tokenSum(use, sizesOf(use.inputs, { layout: 'tn', scale }), { scale, accumulate: true }, target);
  },
};

function sizesOf(inputs: Use['inputs'], { layout }: LowrankAttrs): Sizes {
  const [a, b] = inputs;
  const [aRows, aColumns] = matrixOf(a) ?? [0, 0];
  const [bRows, bColumns] = matrixOf(b) ?? [0, 0];
  const [M, K] = layout === 'tn' ? [aColumns, aRows] : [aRows, aColumns];
  const [N, depth] = layout === 'nt' ? [bRows, bColumns] : [bColumns, bRows];
  if (!isActivation(a) || !isActivation(b) || K !== depth || M * N * K === 0)
    throw misfit(
      `lowrank ${layout}`,
      inputs,
      'two f32 matrices that share a depth: nt [M, K] and [N, K], nn [M, K] and [K, N], tn [K, M] and [K, N]',
    );
  return { M, N, K };
}

/** Threads over tokens that fill a GPU; a CPU needs few, and gains from larger tiles. */
const THREADS = { gpu: 32768, cpu: 64 };
/** A span of fewer tokens would cost more to add up than it saves. */
const SHORTEST_SPAN = 32;

/** What becomes of the sum: times `scale`, and added to what is in the output. */
interface Result {
  readonly scale: number;
  readonly accumulate: boolean;
}

/** aᵀ·b: spans of tokens side by side into scratch, then their sum; one stage when the result alone has threads enough. */
function tokenSum(use: Use, sizes: Sizes, { scale, accumulate }: Result, target: Target): Launch {
  const { M, N, K } = sizes;
  const { software } = target;
  const side = software ? 8 : 4;
  const threads = Math.ceil(M / side) * Math.ceil(N / side);
  const wanted = Math.ceil((software ? THREADS.cpu : THREADS.gpu) / threads);
  const span = Math.ceil(K / Math.max(1, Math.min(wanted, Math.floor(K / SHORTEST_SPAN))));
  const blocks = itemRanges({ what: `lowrank tn over ${K} tokens`, count: K, bytes: 4 * Math.max(M, N) }, target.maxBindingBytes);
  const tile = { side, span };
  if (blocks.length === 1 && span === K) {
    const alone = { tokens: { first: 0, count: K }, before: 0, scale, accumulate, y: writeOutput(0) };
    return { scratch: [], dispatches: [reduce(use, sizes, tile, alone)] };
  }
  const counts = blocks.map(({ count }) => Math.ceil(count / span));
  const before = (block: number) => counts.slice(0, block).reduce((sum, count) => sum + count, 0);
  const part = { scale: 1, accumulate: false, y: writeScratch(0) };
  const stages = blocks.map((tokens, i) => reduce(use, sizes, tile, { ...part, tokens, before: before(i) }));
  const parts = before(blocks.length);
  const sum = {
    label: 'lowrank sum',
    partials: readScratch(0),
    count: parts,
    rows: M,
    columns: N,
    factor: scale,
    accumulate,
    y: writeOutput(0),
  };
  return { scratch: [4 * M * N * parts], dispatches: [...stages, addPartialSums(sum)] };
}

/** A block of tokens, and the spans of those before it. */
interface Block extends Result {
  readonly tokens: ItemRange;
  readonly before: number;
  readonly y: Binding;
}

function reduce(
  use: Use,
  { M, N, K }: Sizes,
  { side, span }: { side: number; span: number },
  { tokens, before, scale, accumulate, y }: Block,
): Dispatch {
  const columns = Math.ceil(N / side);
  const X = Math.min(16, 2 ** Math.ceil(Math.log2(columns)));
  const Y = 64 / X;
  const VECTOR = M % 4 === 0 && N % 4 === 0;
  const kind = { VECTOR, FACTOR: f32(scale), ACCUMULATE: accumulate };
  const sizes = { ROWS: M, COLUMNS: N, DEPTH: tokens.count, SPLIT_TOKENS: span, FIRST_SPLIT: before, TM: side, TN: side, X, Y };
  const code = unroll(source, { TM4: side / 4, TN4: side / 4 });
  const workgroups = [Math.ceil(columns / X), Math.ceil(M / (side * Y)), Math.ceil(tokens.count / span)] as const;
  const part = (binding: Binding, width: number) => (tokens.count === K ? binding : bindRange(binding, tokens, 4 * width));
  const bindings = [part(readTensor(use, 0), M), part(readTensor(use, 1), N), y];
  const constants = { ...kind, ...sizes };
  return { shader: specialise('lowrank tn', withTensors(code, bindings, constants), 'reduce', constants), workgroups, bindings };
}

/** scale·product of two f32 matrices; see `LowrankAttrs` for the layouts. */
export function lowrank(builder: Builder, a: Value, b: Value, attrs: LowrankAttrs): Value {
  return only(builder.apply(lowrankOp, [a, b], attrs));
}
