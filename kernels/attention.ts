/**
 * Softmax attention over packed rows: grouped queries, block-diagonal by segment, causal or bidirectional. Nothing of size T×T is
 * stored (FlashAttention-2, arXiv 2307.08691). The gradient uses the saved log-sum-exp and no atomics.
 */

import { internal } from '../src/core/errors';
import { f32, specialise } from '../src/gpu/shader';
import source from './attention.wgsl?raw';
import deltaSource from './attention_delta.wgsl?raw';
import { geometry, partialBytes, type Extent, type Geometry } from './attention_tile';
import { backwardTwin, forwardTwin, type AttentionAttrs } from './attention_twin';
import { bindRange, itemRanges } from './lib/binding-ranges';
import { bytesOf, linearGrid, read, readScratch, write, writeScratch } from './lib/launch';
import type { Named } from './lib/named';
import { addPartialSums } from './lib/partial-sums';
import { optional, scratch } from './lib/processor';
import { f32Spec, isActivationOf, isF32, isI32, misfit } from './lib/rule';
import { softcapConstants, withSoftcap } from './lib/softcap';
import { withTensors } from './lib/tensors';
import { unroll } from './lib/unroll';
import {
  defineOp,
  type Binding,
  type Builder,
  type Dispatch,
  type Launch,
  type Operand,
  type ProcessorLaunch,
  type Spec,
  type Target,
  type Value,
} from './op';

export type { AttentionAttrs };

const INPUTS = ['q', 'k', 'v', 'segments'] as const;
const BACKWARD_INPUTS = [...INPUTS, 'o', 'lse', 'dout'] as const;
const GRADIENTS = ['dq', 'dk', 'dv'] as const;

/**
 * q [M, H·D], k and v [M, Hkv·D], segments i32 [M] → o [M, H·D] and lse [M, H], with M = rows·T. Token i attends to token j of its row
 * when their segments are equal and, if causal, j ≤ i and, if there is a window, |i − j| < window. Segments must not decrease along a
 * row, except that padding (−1) comes last; padding attends to padding. `lse` is the natural log of Σ exp(score) with the scores
 * scale·q·k, capped if there is a soft cap; it is saved for the gradient.
 */
export const attentionOp = defineOp<AttentionAttrs>()({
  name: 'attention',
  inputs: INPUTS,
  outputs: ['o', 'lse'],
  infer(inputs, attrs) {
    const tokens = tokensOf('attention', inputs, attrs);
    return { o: f32Spec(inputs.q.shape), lse: f32Spec([tokens, attrs.heads]) };
  },
  gradient(builder, { inputs, outputs, attrs }, { o: dout, lse: dlse }, wanted) {
    if (dlse !== null) throw internal('attention: lse is saved for the gradient and has no gradient itself');
    if (dout === null) return { q: null, k: null, v: null, segments: null };
    const { dq, dk, dv } = builder.apply(attentionBackwardOp, { ...inputs, ...outputs, dout }, attrs);
    return { q: wanted.q ? dq : null, k: wanted.k ? dk : null, v: wanted.v ? dv : null, segments: null };
  },
  twin: forwardTwin,
  f16: (_use, { headSize }) => ({ inputs: ['q', 'k', 'v'], outputs: headSize % 4 === 0 ? ['o'] : [] }),
  cost: (use, attrs) => ({ flops: (4 * attrs.headSize + 6) * scores(use.inputs.q, attrs), bytes: bytesOf(use) }),
  launch({ inputs, outputs: { o, lse } }, attrs, target) {
    const batches = batchesOf('attention', inputs, attrs, target);
    return { scratch: [], dispatches: batches.map((batch) => forward(batch, o, lse, target)) };
  },
  processor({ inputs: { q, k, v, segments }, outputs: { o, lse } }, attrs, { threads }) {
    const buffers = [q, k, v, segments, o, lse, null, null, null, null];
    return tiledWork(['attention'], buffers, attrs, threads);
  },
});

/** The gradients of attention: q, k, v, segments, o and lse as in `attentionOp`, and dout of o's shape → dq, dk, dv. */
export const attentionBackwardOp = defineOp<AttentionAttrs>()({
  name: 'attention_backward',
  inputs: BACKWARD_INPUTS,
  outputs: GRADIENTS,
  infer(inputs, attrs) {
    const { q, k, v, o, lse, dout } = inputs;
    const tokens = tokensOf('attention_backward', inputs, attrs);
    if (!isF32(o, q.shape) || !isF32(dout, q.shape) || !isF32(lse, [tokens, attrs.heads]))
      throw misfit('attention_backward', inputs, `f32: o and dout of q's shape, lse [${tokens}, ${attrs.heads}]`);
    return { dq: f32Spec(q.shape), dk: f32Spec(k.shape), dv: f32Spec(v.shape) };
  },
  gradient: null,
  twin: backwardTwin,
  f16: (_use, { headSize }) => ({
    inputs: ['q', 'k', 'v', 'o', 'dout'],
    outputs: headSize % 4 === 0 ? ['dq', 'dk', 'dv'] : [],
  }),
  /** Scores and their gradients are computed twice: once for dq, once for dk and dv. */
  cost: (use, attrs) => ({ flops: (14 * attrs.headSize + 14) * scores(use.inputs.q, attrs), bytes: bytesOf(use) }),
  launch({ inputs, outputs }, attrs, target) {
    const batches = batchesOf('attention_backward', inputs, attrs, target);
    const launches = batches.map((batch) => backward(batch, { ...inputs, ...outputs }, target));
    const [first] = launches;
    return { scratch: first?.scratch ?? [], dispatches: launches.flatMap(({ dispatches }) => dispatches) };
  },
  processor({ inputs: { q, k, v, segments, o, lse, dout }, outputs: { dq, dk, dv } }, attrs, { threads }) {
    const buffers = [q, k, v, segments, o, lse, dout, dq, dk, dv];
    return tiledWork(['attention_dq', 'attention_dkv'], buffers, attrs, threads);
  },
});

/** Attention within rows and segments; see `attentionOp` for shapes. `lse` is saved for the gradient. */
export function attention(
  builder: Builder,
  inputs: { readonly q: Value; readonly k: Value; readonly v: Value; readonly segments: Value },
  attrs: AttentionAttrs,
): { readonly o: Value; readonly lse: Value } {
  return builder.apply(attentionOp, inputs, attrs);
}

/** Tokens of a tile on the processor; see attention.wasm.ts. */
const TILE = { own: 48, other: 64 };

/** Work on tiles of queries, or of keys for the kernel of dk and dv. `buffers` are in the order of the kernel's arguments. */
function tiledWork(
  kernels: readonly string[],
  buffers: readonly (Operand | null)[],
  { rows, heads, kvHeads, headSize, scale, softcap = 0, causal, window }: AttentionAttrs,
  threads: number,
): ProcessorLaunch {
  const tokens = (buffers[0]?.shape[0] ?? 0) / rows;
  const width = 8 * Math.ceil(headSize / 8);
  const numbers = 4 * TILE.own * width + 2 * TILE.other * width + 3 * TILE.own * TILE.other + 3 * TILE.other;
  // The bytes before are those of the records at the start of a thread's memory.
  const bytes = 192 + 4 * numbers;
  const args = [
    ...[...buffers.map(optional), tokens, heads, kvHeads, headSize, { f32: scale }, { f32: softcap }, causal, window],
    ...[scratch(0), bytes],
  ];
  const work = kernels.map((kernel) => ({
    kernel,
    units: rows * (kernel === 'attention_dkv' ? kvHeads : heads) * Math.ceil(tokens / TILE.own),
    args,
  }));
  return { scratch: [threads * bytes], work };
}

type Inputs<T> = Named<typeof INPUTS, T>;

/** M, after checking q, k, v and segments. */
function tokensOf(op: string, inputs: Inputs<Spec>, attrs: AttentionAttrs): number {
  const { rows, heads, kvHeads, headSize } = attrs;
  const { q, k, v, segments } = inputs;
  const [tokens = 0] = q.shape;
  const keys = [k, v].every((spec) => isActivationOf(spec, [tokens, kvHeads * headSize]));
  const typed = keys && isActivationOf(q, [tokens, heads * headSize]) && isI32(segments, [tokens]);
  if (!typed || tokens % rows !== 0 || heads % kvHeads !== 0)
    throw misfit(
      op,
      { q, k, v, segments },
      `q f32|f16[M, ${heads}·${headSize}], k and v f32|f16[M, ${kvHeads}·${headSize}], segments i32[M], with M a multiple of ${rows}`,
    );
  return tokens;
}

/** Pairs of query and key over all heads, when segments hide none. */
function scores(q: Spec, { rows, heads, causal, window }: AttentionAttrs): number {
  const [all = 0] = q.shape;
  const tokens = all / rows;
  const reach = window > 0 ? Math.min(window, tokens) : tokens;
  const back = (reach * (reach + 1)) / 2 + (tokens - reach) * reach;
  return rows * heads * (causal ? back : 2 * back - tokens);
}

/** Consecutive rows of the batch whose tensors all fit a binding. */
interface Batch {
  readonly inputs: Inputs<Operand>;
  readonly attrs: AttentionAttrs;
  /** T. */
  readonly tokens: number;
  readonly rows: number;
  /** Restricts a binding to these rows, with `width` words per token. */
  readonly inRows: (binding: Binding, width: number) => Binding;
}

/** Throws `gpu/memory` when a single row exceeds a binding. */
function batchesOf(op: string, inputs: Inputs<Operand>, attrs: AttentionAttrs, { maxBindingBytes }: Target): Batch[] {
  const tokens = tokensOf(op, inputs, attrs) / attrs.rows;
  const widest = Math.max(attrs.heads * attrs.headSize, 2 * attrs.heads);
  const row = { what: `${op} over a row of ${tokens} tokens`, count: attrs.rows, bytes: 4 * tokens * widest, words: tokens };
  return itemRanges(row, maxBindingBytes).map((range) => ({
    inputs,
    attrs,
    tokens,
    rows: range.count,
    inRows: (binding, width) => (range.count === attrs.rows ? binding : bindRange(binding, range, 4 * tokens * width)),
  }));
}

/** Restricts bindings to the batch, by what they hold per token: query heads, key heads, or one number per query head. */
function binders({ inputs, attrs, inRows }: Batch) {
  const { heads, kvHeads, headSize } = attrs;
  return {
    query: (binding: Binding) => inRows(binding, heads * headSize),
    key: (binding: Binding) => inRows(binding, kvHeads * headSize),
    perHead: (binding: Binding) => inRows(binding, heads),
    segments: inRows(read(inputs.segments), 1),
  };
}

function forward(batch: Batch, o: Operand, lse: Operand, target: Target): Dispatch {
  const { q, k, v } = batch.inputs;
  const { query, key, segments, perHead } = binders(batch);
  const bindings = [query(read(q)), key(read(k)), key(read(v)), segments, query(write(o)), perHead(write(lse))];
  return tiled('FORWARD', batch, geometry(extentOf('FORWARD', batch), target), bindings);
}

type BackwardOperands = Named<typeof BACKWARD_INPUTS, Operand> & Named<typeof GRADIENTS, Operand>;

/** Scratch 0 holds lse and delta; scratch 1 and 2 hold the partial sums of dk and dv, if there are any. */
function backward(batch: Batch, operands: BackwardOperands, target: Target): Launch {
  const { query, key, segments } = binders(batch);
  const [q, dout] = [query(read(operands.q)), query(read(operands.dout))];
  const [k, v] = [key(read(operands.k)), key(read(operands.v))];
  const [dk, dv] = [key(write(operands.dk)), key(write(operands.dv))];
  const extent = extentOf('BACKWARD_KV', batch);
  const tile = geometry(extent, target);
  const split = tile.GROUP_SPLITS > 1;
  const sums = split ? [writeScratch(1), writeScratch(2)] : [dk, dv];
  const [rows, columns] = [batch.rows * batch.tokens, batch.attrs.kvHeads * batch.attrs.headSize];
  const total = (scratch: number, y: Binding) =>
    addPartialSums({ label: 'attention sum', partials: readScratch(scratch), count: tile.GROUP_SPLITS, rows, columns, y });
  const queries = geometry(extentOf('BACKWARD_Q', batch), target);
  return {
    scratch: [8 * rows * batch.attrs.heads, ...(split ? sums.map(() => partialBytes(extent, tile.GROUP_SPLITS)) : [])],
    dispatches: [
      delta(batch, operands),
      tiled('BACKWARD_Q', batch, queries, [q, k, v, segments, dout, readScratch(0), query(write(operands.dq))]),
      tiled('BACKWARD_KV', batch, tile, [k, q, dout, segments, v, readScratch(0), ...sums]),
      ...(split ? [total(1, dk), total(2, dv)] : []),
    ],
  };
}

type Kernel = 'FORWARD' | 'BACKWARD_Q' | 'BACKWARD_KV';

function extentOf(kernel: Kernel, { attrs, tokens, rows }: Batch): Extent {
  const { heads, kvHeads, headSize } = attrs;
  if (kernel === 'BACKWARD_KV') return { headSize, rows, tokens, heads: kvHeads, group: heads / kvHeads, outputs: 2 };
  return { headSize, rows, tokens, heads, group: 1, outputs: 1 };
}

function tiled(kernel: Kernel, batch: Batch, tile: Geometry, bindings: readonly Binding[]): Dispatch {
  const { heads, kvHeads, headSize, causal, window, scale, softcap } = batch.attrs;
  const keys = kernel === 'BACKWARD_KV';
  const [OWN_HEADS, OTHER_HEADS] = keys ? [kvHeads, heads] : [heads, kvHeads];
  const TILES = Math.ceil(batch.tokens / tile.OWN);
  const constants = {
    ...{ FORWARD: kernel === 'FORWARD', BACKWARD_KV: keys, VECTOR: headSize % 4 === 0, HEAD_SIZE: headSize },
    ...{ CAUSAL: causal, SLIDING: window > 0, WINDOW: window, SCALE: f32(scale), ...softcapConstants(softcap) },
    ...{ TOKENS: batch.tokens, ALL_TOKENS: batch.rows * batch.tokens, OWN_HEADS, OTHER_HEADS, TILES },
    ...{ MEMBERS: heads / kvHeads / tile.GROUP_SPLITS, ...tile },
  };
  const written = unroll(withSoftcap(source, 'vec4f'), { ...tile, SIDES: kernel === 'FORWARD' ? 1 : 2, OUTPUTS: keys ? 2 : 1 });
  return {
    shader: specialise(`attention_${kernel.toLowerCase()}`, withTensors(written, bindings, constants), 'main', constants),
    workgroups: [TILES * tile.BLOCKS, OWN_HEADS * tile.GROUP_SPLITS, batch.rows],
    bindings,
  };
}

function delta(batch: Batch, { o, dout, lse }: BackwardOperands): Dispatch {
  const { query, perHead } = binders(batch);
  const { heads, headSize } = batch.attrs;
  const COUNT = batch.rows * batch.tokens * heads;
  const { workgroups, stride } = linearGrid(COUNT, 64);
  const VECTOR = headSize % 4 === 0;
  const constants = { VECTOR, WIDTH: VECTOR ? headSize / 4 : headSize, COUNT, GRID: stride };
  const bindings = [query(read(o)), query(read(dout)), perHead(read(lse)), writeScratch(0)];
  const source = withTensors(deltaSource, bindings, constants);
  return { shader: specialise('attention_delta', source, 'main', constants), workgroups, bindings };
}
