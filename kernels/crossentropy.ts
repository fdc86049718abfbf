/** The head and its loss in one: linear, softmax, negative log-likelihood and their derivative, without the tokens × vocabulary logits. */

import { internal } from '../src/core/errors';
import { sameShape } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import source from './crossentropy.wgsl?raw';
import { crossentropyTwin } from './crossentropy_twin';
import { gemm } from './lib/gemm';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, readInput, readScratch, readTensor, required, tooLarge, writeOutput, writeScratch } from './lib/launch';
import type { Binding, Builder, Dispatch, Launch, Op, Target, Use, Value } from './op';
import { isActivation, matrixOf, misfit, notTrained } from './lib/rule';
import { scale } from './scale';
import { bindRange } from './lib/binding-ranges';

export interface CrossentropyAttrs {
  /** Also make dHidden, the derivative of the loss. */
  readonly training: boolean;
}

interface Sizes {
  readonly M: number;
  readonly C: number;
  readonly V: number;
}

/** Bytes of logits alive at a time, more or less. */
const CHUNK_BYTES = 32 << 20;
/** Chunks begin at whole multiples of this many tokens, so that their parts of one-word-a-token buffers are aligned. */
const CHUNK_STEP = 64;
const MAX_TOKENS = 65535 - (65535 % CHUNK_STEP);
const THREADS = 256;

/**
 * [hidden f32 [M, C], head f32|f16 [V, C], labels i32 [M] (−1: none), weights f32 [M]] →
 * [loss [1] = Σ weights·nll, nll [M] (0 without a label), and when training dHidden [M, C] = ∂loss/∂hidden].
 * The head is frozen; only the loss carries a gradient.
 */
export const crossentropyOp: Op<CrossentropyAttrs> = {
  name: 'crossentropy',
  infer(inputs, { training }) {
    const { M, C } = sizesOf(inputs);
    const shapes = [[1], [M], ...(training ? [[M, C]] : [])];
    return shapes.map((shape) => ({ shape, dtype: 'f32' }));
  },
  gradient(builder, use, [dLoss = null, ...others], wanted) {
    if (wanted[1]) throw notTrained('crossentropy', 'the head');
    if (others.some((cotangent) => cotangent !== null)) throw internal('crossentropy: only the loss can be differentiated');
    const none = use.inputs.map(() => null);
    if (dLoss === null || !wanted[0]) return none;
    const dHidden = use.outputs[2];
    if (dHidden === undefined) throw internal('crossentropy: a gradient was asked for without `training`');
    return [scale(builder, dHidden, dLoss), ...none.slice(1)];
  },
  twin: crossentropyTwin,
  // dHidden is small before it is scaled: it stays in f32.
  f16: () => ({ inputs: [0], outputs: [] }),
  cost(use, { training }) {
    const { M, C, V } = sizesOf(use.inputs);
    const forward = 2 * M * C * V + 4 * M * V;
    return { flops: training ? 2 * forward : forward, bytes: bytesOf(use) };
  },
  launch(use, { training }, target) {
    const sizes = sizesOf(use.inputs);
    const { M, V } = sizes;
    const most = chunkTokens(sizes, target);
    const tokens = Math.ceil(M / Math.ceil(M / most) / CHUNK_STEP) * CHUNK_STEP;
    const starts = Array.from({ length: Math.ceil(M / tokens) }, (_, i) => i * tokens);
    const chunks = starts.map((first) => chunk(use, sizes, { first, count: Math.min(tokens, M - first) }, training, target));
    const partSums = Math.max(0, ...chunks.flatMap(({ scratch }) => scratch));
    const scratch = [4 * V * Math.min(tokens, M), ...(partSums > 0 ? [partSums] : [])];
    return { scratch, dispatches: [...chunks.flatMap(({ dispatches }) => dispatches), total(M, target)] };
  },
};

function sizesOf(inputs: Use['inputs']): Sizes {
  const [hidden, head, labels, weights] = inputs;
  const [M, C] = matrixOf(hidden) ?? [0, 0];
  const [V, width] = matrixOf(head) ?? [0, 0];
  const fits =
    isActivation(hidden) &&
    (head?.dtype === 'f32' || head?.dtype === 'f16') &&
    labels?.dtype === 'i32' &&
    weights?.dtype === 'f32' &&
    width === C &&
    M * C * V > 0 &&
    sameShape(labels.shape, [M]) &&
    sameShape(weights.shape, [M]);
  if (!fits) throw misfit('crossentropy', inputs, 'hidden f32[M, C], head f32|f16[V, C], labels i32[M], weights f32[M]');
  return { M, C, V };
}

/** Most tokens of a chunk; as each is a workgroup, at most 65,535. */
function chunkTokens({ M, C, V }: Sizes, { maxBindingBytes }: Target): number {
  const steps = (bytes: number) => Math.floor(bytes / (4 * Math.max(V, C) * CHUNK_STEP)) * CHUNK_STEP;
  const tokens = Math.min(Math.max(CHUNK_STEP, steps(CHUNK_BYTES)), steps(maxBindingBytes), MAX_TOKENS);
  if (tokens === 0 && 4 * V * M > maxBindingBytes)
    throw tooLarge(`${CHUNK_STEP} rows of ${V} logits`, 4 * V * CHUNK_STEP, maxBindingBytes);
  return Math.max(tokens, CHUNK_STEP);
}

interface Chunk {
  readonly first: number;
  readonly count: number;
}

/** Logits of a chunk of tokens, their loss, and their part of dHidden. Products may take scratch 1. */
function chunk(use: Use, { M, C, V }: Sizes, tokens: Chunk, training: boolean, target: Target): Launch {
  const part = (binding: Binding, width: number): Binding =>
    tokens.count === M ? binding : bindRange(binding, tokens, 4 * width);
  const rows = tokens.count;
  const head = { w: readInput(1), type: required(use.inputs, 1, 'head').dtype, factor: 1 };
  const logits = { ...head, a: part(readTensor(use, 0), C), depth: C };
  const lossOf = [writeScratch(0), part(writeOutput(1), 1), part(readInput(2), 1)];
  const softmax = training ? [...lossOf, part(readInput(3), 1)] : lossOf;
  const forward = gemm({ label: 'crossentropy', layout: 'nt', rows, columns: V, product: logits, y: writeScratch(0) }, target, 1);
  const losses = softmaxRows(rows, V, training, softmax, target);
  if (!training) return { scratch: forward.scratch, dispatches: [...forward.dispatches, losses] };
  const dLogits = { ...head, a: readScratch(0), depth: V };
  const backward = gemm(
    { label: 'crossentropy', layout: 'nn', rows, columns: C, product: dLogits, y: part(writeOutput(2), C) },
    target,
    1,
  );
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

function total(tokens: number, target: Target): Dispatch {
  const lanes = laneConstants(target, THREADS, THREADS);
  const constants = { ...lanes, ROWS_ENTRY: false, TRAINING: false, VECTOR: false, TOKENS: tokens };
  const nll: Binding = { from: 'output', index: 1, access: 'read' };
  const bindings = [nll, readInput(2), readInput(3), writeOutput(0)];
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
  const { hidden, head, labels, weights, training } = inputs;
  const outputs = builder.apply(crossentropyOp, [hidden, head, labels, weights], { training });
  return { loss: required(outputs, 0, 'loss'), nll: required(outputs, 1, 'nll') };
}
