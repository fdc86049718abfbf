/**
 * Softmax attention over packed rows: grouped queries, block-diagonal by segment, causal or not. Nothing of size T×T is ever
 * stored (FlashAttention-2, arXiv 2307.08691); the gradient starts from the saved log-sum-exp and uses no atomics.
 */

import { internal } from '../src/core/errors';
import { sameShape } from '../src/core/shape';
import { f32, specialise } from '../src/gpu/shader';
import source from './attention.wgsl?raw';
import { backwardTwin, forwardTwin } from './attention_twin';
import { bytesOf, linearGrid, readInput, readScratch, required, writeOutput, writeScratch } from './launch';
import type { Binding, Builder, Dispatch, Op, Spec, Value } from './op';
import { misfit } from './rule';
import { unroll } from './unroll';

export interface AttentionAttrs {
  /** Rows of the batch, B; tokens attend within their row. */
  readonly rows: number;
  readonly heads: number;
  /** Divides `heads`; each key/value head serves heads/kvHeads query heads in a row. */
  readonly kvHeads: number;
  readonly headSize: number;
  /** Factor of the scores, usually 1/√headSize. */
  readonly scale: number;
  readonly causal: boolean;
}

/**
 * [q [M, H·D], k [M, Hkv·D], v [M, Hkv·D], segments i32[M]] → [o [M, H·D], lse [M, H]], M = rows·T. Token i attends to token j
 * of its row when their segments are equal and, if causal, j ≤ i. Segments must not decrease along a row, but for padding (−1),
 * which comes last and attends among itself. `lse` is the natural log of Σ exp(scale·q·k), saved for the gradient.
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
  cost: (use, attrs) => ({ flops: (4 * attrs.headSize + 6) * scores(use.inputs, attrs), bytes: bytesOf(use) }),
  launch(use, attrs) {
    const tokens = tokensOf('attention', use.inputs, attrs) / attrs.rows;
    const bindings = [...[0, 1, 2, 3].map((i) => readInput(i)), writeOutput(0), writeOutput(1)];
    return { scratch: [], dispatches: [tiled('FORWARD', tokens, attrs, bindings)] };
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
  /** Scores and their gradients are made twice: once for dq, once for dk and dv. */
  cost: (use, attrs) => ({ flops: (14 * attrs.headSize + 14) * scores(use.inputs, attrs), bytes: bytesOf(use) }),
  launch(use, attrs) {
    const tokens = tokensOf('attention_backward', use.inputs, attrs);
    const bindings = [...[0, 1, 2, 3, 6].map((i) => readInput(i)), readScratch(0)];
    return {
      scratch: [8 * tokens * attrs.heads],
      dispatches: [
        delta(tokens, attrs),
        tiled('BACKWARD_Q', tokens / attrs.rows, attrs, [...bindings, writeOutput(0)]),
        tiled('BACKWARD_KV', tokens / attrs.rows, attrs, [...bindings, writeOutput(1), writeOutput(2)]),
      ],
    };
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
  const typed = [q, k, v].every((spec) => spec?.dtype === 'f32') && segments?.dtype === 'i32';
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
function scores([q]: readonly (Spec | null)[], { rows, heads, causal }: AttentionAttrs): number {
  const [tokens = 0] = q?.shape ?? [];
  return tokens * heads * (causal ? (tokens / rows + 1) / 2 : tokens / rows);
}

type Kernel = 'DELTA' | 'FORWARD' | 'BACKWARD_Q' | 'BACKWARD_KV';

/** Rows of the tile a workgroup owns, and of those it walks over; the kernel has the same numbers. */
const OWN = 64;
const OTHER = 32;

function tiled(kernel: Kernel, TOKENS: number, attrs: AttentionAttrs, bindings: readonly Binding[]): Dispatch {
  const TILES = Math.ceil(TOKENS / OWN);
  const geometry = columns(attrs.headSize, kernel === 'BACKWARD_KV' ? 2 : 1);
  const code = { ...constants(kernel, attrs), TOKENS, TILES, ...geometry, SCALE: f32(attrs.scale) };
  const written = unroll(source, geometry);
  const heads = kernel === 'BACKWARD_KV' ? attrs.kvHeads : attrs.heads;
  return {
    shader: specialise(`attention_${kernel.toLowerCase()}`, written, 'main', code),
    workgroups: [TILES * geometry.BLOCKS, heads, attrs.rows],
    bindings,
  };
}

function constants(kernel: Kernel, { heads, kvHeads, headSize, causal }: AttentionAttrs) {
  return {
    FORWARD: kernel === 'FORWARD',
    BACKWARD_Q: kernel === 'BACKWARD_Q',
    BACKWARD_KV: kernel === 'BACKWARD_KV',
    DELTA: kernel === 'DELTA',
    VECTOR: headSize % 4 === 0,
    CAUSAL: causal,
    HEADS: heads,
    KV_HEADS: kvHeads,
    HEAD_SIZE: headSize,
  };
}

/**
 * How a head's vectors (of four) are divided. BLOCKS workgroups share a tile, COLUMNS vectors each, so that an invocation's
 * sums (4·SPAN vectors for each of `outputs`) stay in registers; COLS invocations hold a strip of four rows. Staging goes by
 * SLICE vectors of the rows, or ROWS rows of COLUMNS vectors.
 */
function columns(headSize: number, outputs: 1 | 2) {
  const depth = Math.ceil(headSize / 4);
  const BLOCKS = Math.ceil((depth * outputs) / 64);
  const COLUMNS = Math.ceil(depth / BLOCKS);
  const COLS = Math.ceil(COLUMNS / 8) * outputs <= 4 ? 8 : 16;
  return {
    BLOCKS,
    COLUMNS,
    COLS,
    PAIRS: OTHER / COLS,
    SPAN: Math.ceil(COLUMNS / COLS),
    SLICE: Math.ceil(depth / Math.ceil(depth / 8)),
    ROWS: Math.min(OTHER, 2 ** Math.floor(Math.log2(512 / COLUMNS))),
  };
}

function delta(tokens: number, attrs: AttentionAttrs): Dispatch {
  const COUNT = tokens * attrs.heads;
  const { workgroups, stride } = linearGrid(COUNT, 64);
  return {
    shader: specialise('attention_delta', unroll(source, { SPAN: 0, PAIRS: 0 }), 'main', {
      ...constants('DELTA', attrs),
      COUNT,
      GRID: stride,
    }),
    workgroups,
    bindings: [readInput(4), readInput(6), readInput(5), writeScratch(0)],
  };
}
