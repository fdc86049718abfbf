/** The head and its loss in one op: linear, softmax, negative log-likelihood and their derivative, without M × V logits in memory. */

import { internal } from '../src/core/errors';
import { f32, specialise } from '../src/gpu/shader';
import { add } from './add';
import source from './crossentropy.wgsl?raw';
import { crossentropyTwin } from './crossentropy_twin';
import { bindRange, type ItemRange } from './lib/binding-ranges';
import { gemm } from './lib/gemm';
import { transposedGemm } from './lib/gemm-transposed';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, read, readScratch, tooLarge, write, writeScratch } from './lib/launch';
import type { Named } from './lib/named';
import { f32Spec, isActivation, isF32, isI32, matrixOf, misfit, requireF32 } from './lib/rule';
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
import { scale } from './scale';

export interface CrossentropyAttrs {
  /** Also compute dHidden, the derivative of the loss. */
  readonly training: boolean;
  /** When training, also compute dHead. The head must be f32. */
  readonly trainHead?: boolean;
  /** The logits z become cap·tanh(z/cap) (Gemma 2, arXiv 2408.00118, section 2). */
  readonly softcap?: number;
}

interface Sizes {
  readonly M: number;
  readonly C: number;
  readonly V: number;
}

/** Approximate bytes of logits that are in memory at a time. */
const CHUNK_BYTES = 32 << 20;
/** Chunks start at multiples of this many tokens, so that their ranges of [M] buffers are aligned. */
const CHUNK_STEP = 64;
const MAX_TOKENS = 65535 - (65535 % CHUNK_STEP);
const THREADS = 256;

const INPUTS = ['hidden', 'head', 'labels', 'weights'] as const;
const OUTPUTS = ['loss', 'nll', 'dHidden?', 'dHead?'] as const;

/**
 * hidden f32 [M, C], head f32 or f16 [V, C], labels i32 [M] (−1: none) and weights f32 [M] → loss [1] = Σ weights·nll, nll [M] (0
 * without a label), and when training dHidden [M, C] = ∂loss/∂hidden and dHead [V, C] = ∂loss/∂head. The loss and nll have gradients.
 */
export const crossentropyOp = defineOp<CrossentropyAttrs>()({
  name: 'crossentropy',
  inputs: INPUTS,
  outputs: OUTPUTS,
  infer(inputs, { training, trainHead = false }) {
    const { M, C, V } = sizesOf(inputs);
    if (trainHead && (!training || inputs.head.dtype !== 'f32'))
      throw misfit('crossentropy', inputs, 'an f32 head and `training` to train the head');
    return {
      ...{ loss: f32Spec([1]), nll: f32Spec([M]) },
      ...{ dHidden: training ? f32Spec([M, C]) : null, dHead: trainHead ? f32Spec([V, C]) : null },
    };
  },
  gradient(builder, { inputs, outputs, attrs }, { loss: dLoss, nll: dNll, dHidden, dHead }, wanted) {
    if (dHidden !== null || dHead !== null) throw internal('crossentropy: its gradients cannot be differentiated');
    if (wanted.head) requireF32('crossentropy', 'head', inputs.head);
    const found =
      dNll === null ? scaled(builder, outputs, dLoss, wanted) : recomputed(builder, inputs, attrs, dLoss, dNll, wanted);
    const weights = wanted.weights && dLoss !== null ? scale(builder, outputs.nll, dLoss) : null;
    return { ...found, labels: null, weights };
  },
  twin: crossentropyTwin,
  // dHidden is small before it is multiplied by the loss scale, so it stays f32.
  f16: () => ({ inputs: ['hidden'], outputs: [] }),
  cost(use, { training, trainHead = false }) {
    const { M, C, V } = sizesOf(use.inputs);
    const product = 2 * M * C * V;
    const forward = product + 4 * M * V;
    return { flops: (training ? 2 * forward : forward) + (trainHead ? product : 0), bytes: bytesOf(use) };
  },
  launch({ inputs, outputs }, { softcap = null }, target) {
    const sizes = sizesOf(inputs);
    const { M, V } = sizes;
    const most = chunkTokens(sizes, target);
    const tokens = Math.ceil(M / Math.ceil(M / most) / CHUNK_STEP) * CHUNK_STEP;
    const starts = Array.from({ length: Math.ceil(M / tokens) }, (_, i) => i * tokens);
    const operands = { ...inputs, ...outputs };
    const chunks = starts.map((first) => chunk(operands, sizes, { first, count: Math.min(tokens, M - first) }, softcap, target));
    const largest = (i: number) => Math.max(0, ...chunks.map(({ scratch }) => scratch[i] ?? 0));
    const scratch = [4 * V * Math.min(tokens, M), largest(0), largest(1)].filter((bytes) => bytes > 0);
    return { scratch, dispatches: [...chunks.flatMap(({ dispatches }) => dispatches), total(operands, M, target)] };
  },
});

/** Which inputs need a gradient, and the gradients. */
type Wanted = Readonly<Record<'hidden' | 'head', boolean>>;
type Found = Readonly<Record<'hidden' | 'head', Value | null>>;

/** The gradients for a cotangent of the loss only: those that the op computed, times the cotangent. */
function scaled(builder: Builder, outputs: Named<typeof OUTPUTS, Value>, dLoss: Value | null, wanted: Wanted): Found {
  const times = (value: Value | null, attr: string) => {
    if (value === null) throw internal(`crossentropy: a gradient was requested of one that was built without \`${attr}\``);
    return dLoss && scale(builder, value, dLoss);
  };
  return {
    hidden: wanted.hidden ? times(outputs.dHidden, 'training') : null,
    head: wanted.head ? times(outputs.dHead, 'trainHead') : null,
  };
}

/** The gradients for a cotangent of nll: those of a second loss, whose weights are the cotangent plus those of the first loss. */
function recomputed(
  builder: Builder,
  inputs: Named<typeof INPUTS, Value>,
  { softcap }: CrossentropyAttrs,
  dLoss: Value | null,
  dNll: Value,
  wanted: Wanted,
): Found {
  if (!wanted.hidden && !wanted.head) return { hidden: null, head: null };
  const weights = dLoss === null ? dNll : add(builder, dNll, scale(builder, inputs.weights, dLoss));
  const attrs = { training: true, trainHead: wanted.head, ...(softcap !== undefined && { softcap }) };
  const { dHidden, dHead } = builder.apply(crossentropyOp, { ...inputs, weights }, attrs);
  return { hidden: wanted.hidden ? dHidden : null, head: dHead };
}

function sizesOf(inputs: Named<typeof INPUTS, Spec>): Sizes {
  const { hidden, head, labels, weights } = inputs;
  const [M, C] = matrixOf(hidden) ?? [0, 0];
  const [V, width] = matrixOf(head) ?? [0, 0];
  const matrices = isActivation(hidden) && (head.dtype === 'f32' || head.dtype === 'f16') && width === C && M * C * V > 0;
  if (!matrices || !isI32(labels, [M]) || !isF32(weights, [M]))
    throw misfit('crossentropy', inputs, 'hidden f32|f16[M, C], head f32|f16[V, C], labels i32[M], weights f32[M]');
  return { M, C, V };
}

/** The most tokens per chunk. Each takes a workgroup, so at most 65,535. */
function chunkTokens({ M, C, V }: Sizes, { maxBindingBytes }: Target): number {
  const steps = (bytes: number) => Math.floor(bytes / (4 * Math.max(V, C) * CHUNK_STEP)) * CHUNK_STEP;
  const tokens = Math.min(Math.max(CHUNK_STEP, steps(CHUNK_BYTES)), steps(maxBindingBytes), MAX_TOKENS);
  if (tokens === 0 && 4 * V * M > maxBindingBytes)
    throw tooLarge(`${CHUNK_STEP} rows of ${V} logits`, 4 * V * CHUNK_STEP, maxBindingBytes);
  return Math.max(tokens, CHUNK_STEP);
}

type Operands = Named<typeof INPUTS, Operand> & Named<typeof OUTPUTS, Operand>;

/** Scratch 0 holds logits. With dHead, scratch 1 holds their transposed derivative. The last one is for partial sums of products. */
const LOGITS = 0;

/**
 * Logits of a chunk of tokens, their loss, their rows of dHidden, and their part of dHead, which is added to that of earlier chunks.
 * The logits are in scratch 0; the returned scratch follows it.
 */
function chunk(operands: Operands, { M, C, V }: Sizes, tokens: ItemRange, softcap: number | null, target: Target): Launch {
  const { hidden, head, labels, weights, nll, dHidden, dHead } = operands;
  const inChunk = (binding: Binding, width: number): Binding =>
    tokens.count === M ? binding : bindRange(binding, tokens, 4 * width);
  const rows = tokens.count;
  const label = 'crossentropy';
  const partials = dHead === null ? 1 : 2;
  const ofHead = { w: read(head), type: head.dtype, factor: 1 };
  const logits = { ...ofHead, a: inChunk(read(hidden), C), depth: C };
  const forward = gemm({ label, layout: 'nt', rows, columns: V, product: logits, y: writeScratch(LOGITS) }, target, partials);
  const lossOf = [writeScratch(LOGITS), inChunk(write(nll), 1), inChunk(read(labels), 1)];
  if (dHidden === null) {
    const losses = softmaxRows({ rows, V, training: false, softcap }, lossOf, target);
    return { scratch: forward.scratch, dispatches: [...forward.dispatches, losses] };
  }
  const losses = softmaxRows({ rows, V, training: true, softcap }, [...lossOf, inChunk(read(weights), 1)], target);
  const dLogits = { ...ofHead, a: readScratch(LOGITS), depth: V };
  const y = inChunk(write(dHidden), C);
  const backward = gemm({ label, layout: 'nn', rows, columns: C, product: dLogits, y }, target, partials);
  const dispatches = [...forward.dispatches, losses, ...backward.dispatches];
  const partialBytes = Math.max(0, ...forward.scratch, ...backward.scratch);
  if (dHead === null) return { scratch: [partialBytes], dispatches };
  const sums = {
    label,
    rows: V,
    columns: C,
    depth: rows,
    a: readScratch(LOGITS),
    w: inChunk(read(hidden), C),
    type: hidden.dtype,
  };
  const ofHidden = transposedGemm({ ...sums, factor: 1, accumulate: tokens.first > 0, y: write(dHead) }, target, 1);
  const [transposed = 0, headBytes = 0] = ofHidden.scratch;
  return { scratch: [transposed, Math.max(partialBytes, headBytes)], dispatches: [...dispatches, ...ofHidden.dispatches] };
}

interface SoftmaxRows {
  readonly rows: number;
  readonly V: number;
  readonly training: boolean;
  readonly softcap: number | null;
}

function softmaxRows({ rows, V, training, softcap }: SoftmaxRows, bindings: readonly Binding[], target: Target): Dispatch {
  const VECTOR = V % 4 === 0;
  const lanes = laneConstants(target, THREADS, THREADS);
  const cap = { SOFTCAP: softcap !== null, CAP: f32(softcap ?? 1) };
  const constants = { ...lanes, ROWS_ENTRY: true, TRAINING: training, VECTOR, WIDTH: VECTOR ? V / 4 : V, ...cap };
  return { shader: specialise('crossentropy rows', withLanes(source), 'rows', constants), bindings, workgroups: [rows, 1, 1] };
}

function total({ labels, weights, loss, nll }: Operands, tokens: number, target: Target): Dispatch {
  const lanes = laneConstants(target, THREADS, THREADS);
  const constants = { ...lanes, ROWS_ENTRY: false, TRAINING: false, VECTOR: false, SOFTCAP: false, TOKENS: tokens };
  const bindings = [read(nll), read(labels), read(weights), write(loss)];
  return { shader: specialise('crossentropy total', withLanes(source), 'total', constants), bindings, workgroups: [1, 1, 1] };
}

export interface CrossentropyInputs {
  /** f32 [M, C]: the input of the head. */
  readonly hidden: Value;
  /** f32 or f16 [V, C]. */
  readonly head: Value;
  /** i32 [M]: the token to predict, −1 for none. */
  readonly labels: Value;
  /** f32 [M]. */
  readonly weights: Value;
  /** False for evaluation: half the work, and no gradient of the loss. nll has a gradient in either case. */
  readonly training: boolean;
  /** The gradient of the loss for the head is needed as well. */
  readonly trainHead?: boolean;
  /** The logits z become softcap·tanh(z/softcap). */
  readonly softcap?: number;
}

/** loss [1] = Σ weights·nll, and nll [M]. */
export function crossentropy(builder: Builder, inputs: CrossentropyInputs): { readonly loss: Value; readonly nll: Value } {
  const { training, trainHead = false, softcap, ...values } = inputs;
  return builder.apply(crossentropyOp, values, { training, trainHead, ...(softcap !== undefined && { softcap }) });
}
