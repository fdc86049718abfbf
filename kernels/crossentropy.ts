/** The head and its loss in one op: linear, softmax, negative log-likelihood and their derivative, without M × V logits in memory. */

import { internal } from '../src/core/errors';
import { specialise } from '../src/gpu/shader';
import source from './crossentropy.wgsl?raw';
import { crossentropyTwin } from './crossentropy_twin';
import { bindRange, type ItemRange } from './lib/binding-ranges';
import { gemm } from './lib/gemm';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, read, readScratch, tooLarge, write, writeScratch } from './lib/launch';
import type { Named } from './lib/named';
import { f32Spec, isActivation, isF32, isI32, matrixOf, misfit, notTrained } from './lib/rule';
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
const OUTPUTS = ['loss', 'nll', 'dHidden?'] as const;

/**
 * hidden f32 [M, C], head f32 or f16 [V, C], labels i32 [M] (−1: none) and weights f32 [M] → loss [1] = Σ weights·nll, nll [M] (0
 * without a label), and when training dHidden [M, C] = ∂loss/∂hidden. The head is frozen; only the loss has a gradient.
 */
export const crossentropyOp = defineOp<CrossentropyAttrs>()({
  name: 'crossentropy',
  inputs: INPUTS,
  outputs: OUTPUTS,
  infer(inputs, { training }) {
    const { M, C } = sizesOf(inputs);
    return { loss: f32Spec([1]), nll: f32Spec([M]), dHidden: training ? f32Spec([M, C]) : null };
  },
  gradient(builder, { outputs }, { loss: dLoss, nll, dHidden }, wanted) {
    if (wanted.head) throw notTrained('crossentropy', 'the head');
    if (nll !== null || dHidden !== null) throw internal('crossentropy: only the loss can be differentiated');
    const none = { hidden: null, head: null, labels: null, weights: null };
    if (dLoss === null || !wanted.hidden) return none;
    if (outputs.dHidden === null) throw internal('crossentropy: a gradient was requested without `training`');
    return { ...none, hidden: scale(builder, outputs.dHidden, dLoss) };
  },
  twin: crossentropyTwin,
  // dHidden is small before it is multiplied by the loss scale, so it stays f32.
  f16: () => ({ inputs: ['hidden'], outputs: [] }),
  cost(use, { training }) {
    const { M, C, V } = sizesOf(use.inputs);
    const forward = 2 * M * C * V + 4 * M * V;
    return { flops: training ? 2 * forward : forward, bytes: bytesOf(use) };
  },
  launch({ inputs, outputs }, _attrs, target) {
    const sizes = sizesOf(inputs);
    const { M, V } = sizes;
    const most = chunkTokens(sizes, target);
    const tokens = Math.ceil(M / Math.ceil(M / most) / CHUNK_STEP) * CHUNK_STEP;
    const starts = Array.from({ length: Math.ceil(M / tokens) }, (_, i) => i * tokens);
    const operands = { ...inputs, ...outputs };
    const chunks = starts.map((first) => chunk(operands, sizes, { first, count: Math.min(tokens, M - first) }, target));
    const partialSums = Math.max(0, ...chunks.flatMap(({ scratch }) => scratch));
    const scratch = [4 * V * Math.min(tokens, M), ...(partialSums > 0 ? [partialSums] : [])];
    return { scratch, dispatches: [...chunks.flatMap(({ dispatches }) => dispatches), total(operands, M, target)] };
  },
});

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

/** Logits of a chunk of tokens (scratch 0), their loss, and their rows of dHidden. Products may use scratch 1 for partial sums. */
function chunk(operands: Operands, { M, C, V }: Sizes, tokens: ItemRange, target: Target): Launch {
  const { hidden, head, labels, weights, nll, dHidden } = operands;
  const inChunk = (binding: Binding, width: number): Binding =>
    tokens.count === M ? binding : bindRange(binding, tokens, 4 * width);
  const rows = tokens.count;
  const ofHead = { w: read(head), type: head.dtype, factor: 1 };
  const logits = { ...ofHead, a: inChunk(read(hidden), C), depth: C };
  const forward = gemm({ label: 'crossentropy', layout: 'nt', rows, columns: V, product: logits, y: writeScratch(0) }, target, 1);
  const lossOf = [writeScratch(0), inChunk(write(nll), 1), inChunk(read(labels), 1)];
  if (dHidden === null) {
    const losses = softmaxRows(rows, V, false, lossOf, target);
    return { scratch: forward.scratch, dispatches: [...forward.dispatches, losses] };
  }
  const losses = softmaxRows(rows, V, true, [...lossOf, inChunk(read(weights), 1)], target);
  const dLogits = { ...ofHead, a: readScratch(0), depth: V };
  const y = inChunk(write(dHidden), C);
  const backward = gemm({ label: 'crossentropy', layout: 'nn', rows, columns: C, product: dLogits, y }, target, 1);
  return {
    scratch: [...forward.scratch, ...backward.scratch],
    dispatches: [...forward.dispatches, losses, ...backward.dispatches],
  };
}

function softmaxRows(rows: number, V: number, TRAINING: boolean, bindings: readonly Binding[], target: Target): Dispatch {
  const VECTOR = V % 4 === 0;
  const lanes = laneConstants(target, THREADS, THREADS);
  const constants = { ...lanes, ROWS_ENTRY: true, TRAINING, VECTOR, WIDTH: VECTOR ? V / 4 : V };
  return { shader: specialise('crossentropy rows', withLanes(source), 'rows', constants), bindings, workgroups: [rows, 1, 1] };
}

function total({ labels, weights, loss, nll }: Operands, tokens: number, target: Target): Dispatch {
  const lanes = laneConstants(target, THREADS, THREADS);
  const constants = { ...lanes, ROWS_ENTRY: false, TRAINING: false, VECTOR: false, TOKENS: tokens };
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
  /** False for evaluation: half the work, and no gradient. */
  readonly training: boolean;
}

/** loss [1] = Σ weights·nll, and nll [M]. */
export function crossentropy(builder: Builder, inputs: CrossentropyInputs): { readonly loss: Value; readonly nll: Value } {
  const { training, ...values } = inputs;
  return builder.apply(crossentropyOp, values, { training });
}
