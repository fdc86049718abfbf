/**
 * Softmax attention over packed rows: grouped queries, block-diagonal by segment, causal or not. Nothing of size T×T is ever
 * stored (FlashAttention-2, arXiv 2307.08691); the gradient starts from the saved log-sum-exp and uses no atomics.
 */

import { internal } from '../src/core/errors';
import { sameShape } from '../src/core/shape';
import { f32, specialise } from '../src/gpu/shader';
import source from './attention.wgsl?raw';
import deltaSource from './attention_delta.wgsl?raw';
import { geometry, partBytes, type Extent, type Geometry } from './attention_tile';
import { backwardTwin, forwardTwin, type AttentionAttrs } from './attention_twin';
import {
  bytesOf,
  linearGrid,
  readInput,
  readScratch,
  readTensor,
  required,
  writeOutput,
  writeScratch,
  writeTensor,
} from './lib/launch';
import type { Binding, Builder, Dispatch, Launch, Op, Spec, Target, Use, Value } from './op';
import { isActivation, misfit } from './lib/rule';
import { itemRanges, bindRange } from './lib/binding-ranges';
import { addPartialSums } from './lib/partial-sums';
import { withTensors } from './lib/tensors';
import { unroll } from './lib/unroll';

export type { AttentionAttrs };

/**
 * [q [M, H·D], k [M, Hkv·D], v [M, Hkv·D], segments i32[M]] → [o [M, H·D], lse [M, H]], M = rows·T. Token i attends to token j
 * of its row when their segments are equal and, if causal, j ≤ i and, if there is a window, |i − j| < window. Segments must not
 * decrease along a row, but for padding (−1), which comes last and attends among itself. `lse` is the natural log of
 * Σ exp(scale·q·k), saved for the gradient.
 */
export const attentionOp: Op<AttentionAttrs> = {
  name: 'attention',
  infer(inputs, attrs) {
    const tokens = tokensOf('attention', inputs, attrs);
    return [
      { shape: [tokens, attrs.heads * attrs.headSize], dtype: 'f32' },
      { shape: [tokens, attrs.heads], dtype: 'f32' },
    ];
  },
  gradient(builder, { inputs, outputs, attrs }, [dout = null, dlse = null], wanted) {
    if (dlse !== null) throw internal('attention: lse is saved for the gradient and has no gradient itself');
    if (dout === null || !wanted.some(Boolean)) return [null, null, null, null];
    const grads = builder.apply(attentionBackwardOp, [...inputs, ...outputs, dout], attrs);
    return [0, 1, 2, 3].map((i) => (wanted[i] ? (grads[i] ?? null) : null));
  },
  twin: forwardTwin,
  f16: (_use, { headSize }) => ({ inputs: [0, 1, 2], outputs: headSize % 4 === 0 ? [0] : [] }),
  cost: (use, attrs) => ({ flops: (4 * attrs.headSize + 6) * scores(use.inputs, attrs), bytes: bytesOf(use) }),
  launch(use, attrs, target) {
    const batches = batchesOf('attention', use, attrs, target);
    return { scratch: [], dispatches: batches.map((batch) => forward(batch, target)) };
  },
};

/** [q, k, v, segments, o, lse, do] → [dq, dk, dv]. */
export const attentionBackwardOp: Op<AttentionAttrs> = {
  name: 'attention_backward',
  infer(inputs, attrs) {
    const [q, k, v, , o, lse, dout] = inputs;
    const tokens = tokensOf('attention_backward', inputs, attrs);
    const like = (spec: Spec | null | undefined) => spec?.dtype === 'f32' && sameShape(spec.shape, q?.shape ?? []);
    if (!like(o) || !like(dout) || lse?.dtype !== 'f32' || !sameShape(lse.shape, [tokens, attrs.heads]))
      throw misfit(
        'attention_backward',
        inputs,
        `f32: q, k, v, segments, o and do of q's shape, lse [${tokens}, ${attrs.heads}]`,
      );
    return [q, k, v].map((spec) => ({ shape: spec?.shape ?? [], dtype: 'f32' }));
  },
  gradient: null,
  twin: backwardTwin,
  f16: (_use, { headSize }) => ({ inputs: [0, 1, 2, 4, 6], outputs: headSize % 4 === 0 ? [0, 1, 2] : [] }),
  /** Scores and their gradients are made twice: once for dq, once for dk and dv. */
  cost: (use, attrs) => ({ flops: (14 * attrs.headSize + 14) * scores(use.inputs, attrs), bytes: bytesOf(use) }),
  launch(use, attrs, target) {
    const launches = batchesOf('attention_backward', use, attrs, target).map((batch) => backward(batch, target));
    const [first] = launches;
    return { scratch: first?.scratch ?? [], dispatches: launches.flatMap(({ dispatches }) => dispatches) };
  },
};

/** Attention within rows and segments; see `attentionOp` for shapes. `lse` is what the gradient needs. */
export function attention(
  builder: Builder,
  { q, k, v, segments }: { readonly q: Value; readonly k: Value; readonly v: Value; readonly segments: Value },
  attrs: AttentionAttrs,
): { o: Value; lse: Value } {
  const outputs = builder.apply(attentionOp, [q, k, v, segments], attrs);
  return { o: required(outputs, 0, 'o'), lse: required(outputs, 1, 'lse') };
}

/** M, after checking q, k, v and segments. */
function tokensOf(op: string, inputs: readonly (Spec | null)[], attrs: AttentionAttrs): number {
  const { rows, heads, kvHeads, headSize } = attrs;
  const [q, k, v, segments] = inputs;
  const [tokens = 0] = q?.shape ?? [];
  const typed = [q, k, v].every(isActivation) && segments?.dtype === 'i32';
  const wide = [q, k, v].every((spec, i) => sameShape(spec?.shape ?? [], [tokens, (i === 0 ? heads : kvHeads) * headSize]));
  if (!typed || !wide || !sameShape(segments.shape, [tokens]) || tokens % rows !== 0 || heads % kvHeads !== 0)
    throw misfit(
      op,
      inputs,
      `f32[M, ${heads}·${headSize}], two f32[M, ${kvHeads}·${headSize}] and i32[M] with M a multiple of ${rows}`,
    );
  return tokens;
}

/** Pairs of query and key, over all heads, when segments hide none. */
function scores([q]: readonly (Spec | null)[], { rows, heads, causal, window }: AttentionAttrs): number {
  const [all = 0] = q?.shape ?? [];
  const tokens = all / rows;
  const reach = window > 0 ? Math.min(window, tokens) : tokens;
  const back = (reach * (reach + 1)) / 2 + (tokens - reach) * reach;
  return rows * heads * (causal ? back : 2 * back - tokens);
}

/** Consecutive rows of the batch whose tensors all fit one binding. */
interface Batch {
  readonly use: Use;
  readonly attrs: AttentionAttrs;
  /** T. */
  readonly tokens: number;
  readonly rows: number;
  /** The part of a buffer that holds these rows, `width` words to a token. */
  readonly part: (binding: Binding, width: number) => Binding;
}

/** Throws `gpu/memory` when a single row exceeds a binding. */
function batchesOf(op: string, use: Use, attrs: AttentionAttrs, { maxBindingBytes }: Target): Batch[] {
  const tokens = tokensOf(op, use.inputs, attrs) / attrs.rows;
  const widest = Math.max(attrs.heads * attrs.headSize, 2 * attrs.heads);
  const row = { what: `${op} over a row of ${tokens} tokens`, count: attrs.rows, bytes: 4 * tokens * widest, words: tokens };
  return itemRanges(row, maxBindingBytes).map((span) => ({
    use,
    attrs,
    tokens,
    rows: span.count,
    part: (binding, width) => (span.count === attrs.rows ? binding : bindRange(binding, span, 4 * tokens * width)),
  }));
}

/** Buffers of a batch by what they hold of each token: queries, keys, segments, numbers of each query head. */
function parts({ attrs, part }: Batch) {
  const { heads, kvHeads, headSize } = attrs;
  return {
    query: (binding: Binding) => part(binding, heads * headSize),
    key: (binding: Binding) => part(binding, kvHeads * headSize),
    segments: part(readInput(3), 1),
    perHead: (binding: Binding) => part(binding, heads),
  };
}

function forward(batch: Batch, target: Target): Dispatch {
  const { use } = batch;
  const { query, key, segments, perHead } = parts(batch);
  const inputs = [query(readTensor(use, 0)), key(readTensor(use, 1)), key(readTensor(use, 2)), segments];
  const bindings = [...inputs, query(writeTensor(use, 0)), perHead(writeOutput(1))];
  return tiled('FORWARD', batch, geometry(extentOf('FORWARD', batch), target), bindings);
}

/** Scratch: lse and delta, then the sums of dk and dv that are still to be added up, if there are any. */
function backward(batch: Batch, target: Target): Launch {
  const { use } = batch;
  const { query, key, segments } = parts(batch);
  const [q, k, v, dout] = [
    query(readTensor(use, 0)),
    key(readTensor(use, 1)),
    key(readTensor(use, 2)),
    query(readTensor(use, 6)),
  ];
  const extent = extentOf('BACKWARD_KV', batch);
  const cut = geometry(extent, target);
  const split = cut.GROUP_SPLITS > 1;
  const sums = [1, 2].map((i) => (split ? writeScratch(i) : key(writeTensor(use, i))));
  const [rows, columns] = [batch.rows * batch.tokens, batch.attrs.kvHeads * batch.attrs.headSize];
  const total = (i: number) =>
    addPartialSums({
      label: 'attention sum',
      partials: readScratch(i),
      count: cut.GROUP_SPLITS,
      rows,
      columns,
      y: key(writeTensor(use, i)),
    });
  const queries = geometry(extentOf('BACKWARD_Q', batch), target);
  return {
    scratch: [8 * rows * batch.attrs.heads, ...(split ? sums.map(() => partBytes(extent, cut.GROUP_SPLITS)) : [])],
    dispatches: [
      delta(batch),
      tiled('BACKWARD_Q', batch, queries, [q, k, v, segments, dout, readScratch(0), query(writeTensor(use, 0))]),
      tiled('BACKWARD_KV', batch, cut, [k, q, dout, segments, v, readScratch(0), ...sums]),
      ...(split ? [total(1), total(2)] : []),
    ],
  };
}

type Kernel = 'FORWARD' | 'BACKWARD_Q' | 'BACKWARD_KV';

function extentOf(kernel: Kernel, { attrs, tokens, rows }: Batch): Extent {
  const { heads, kvHeads, headSize } = attrs;
  if (kernel === 'BACKWARD_KV') return { headSize, rows, tokens, heads: kvHeads, group: heads / kvHeads, outputs: 2 };
  return { headSize, rows, tokens, heads, group: 1, outputs: 1 };
}

function tiled(kernel: Kernel, batch: Batch, cut: Geometry, bindings: readonly Binding[]): Dispatch {
  const { heads, kvHeads, headSize, causal, window, scale } = batch.attrs;
  const keys = kernel === 'BACKWARD_KV';
  const [OWN_HEADS, OTHER_HEADS] = keys ? [kvHeads, heads] : [heads, kvHeads];
  const TILES = Math.ceil(batch.tokens / cut.OWN);
  const constants = {
    ...{ FORWARD: kernel === 'FORWARD', BACKWARD_KV: keys, VECTOR: headSize % 4 === 0, HEAD_SIZE: headSize },
    ...{ CAUSAL: causal, SLIDING: window > 0, WINDOW: window, SCALE: f32(scale) },
    ...{ TOKENS: batch.tokens, ALL_TOKENS: batch.rows * batch.tokens, OWN_HEADS, OTHER_HEADS, TILES },
    ...{ MEMBERS: heads / kvHeads / cut.GROUP_SPLITS, ...cut },
  };
  const written = unroll(source, { ...cut, SIDES: kernel === 'FORWARD' ? 1 : 2, OUTPUTS: keys ? 2 : 1 });
  return {
    shader: specialise(`attention_${kernel.toLowerCase()}`, withTensors(written, bindings, constants), 'main', constants),
    workgroups: [TILES * cut.BLOCKS, OWN_HEADS * cut.GROUP_SPLITS, batch.rows],
    bindings,
  };
}

function delta(batch: Batch): Dispatch {
  const { query, perHead } = parts(batch);
  const { heads, headSize } = batch.attrs;
  const COUNT = batch.rows * batch.tokens * heads;
  const { workgroups, stride } = linearGrid(COUNT, 64);
  const VECTOR = headSize % 4 === 0;
  const constants = { VECTOR, WIDTH: VECTOR ? headSize / 4 : headSize, COUNT, GRID: stride };
  const { use } = batch;
  const bindings = [query(readTensor(use, 4)), query(readTensor(use, 6)), perHead(readInput(5)), writeScratch(0)];
  const source = withTensors(deltaSource, bindings, constants);
  return { shader: specialise('attention_delta', source, 'main', constants), workgroups, bindings };
}
