/** The head and its loss in one op: linear, softmax, negative log-likelihood and their derivative, without M × V logits in memory. */

import { internal } from '../src/core/errors';
import { f32, specialise } from '../src/gpu/shader';
import { add } from './add';
import source from './crossentropy.wgsl?raw';
import { crossentropyTwin } from './crossentropy_twin';
import {
  headFlops,
  headLoss,
  headWork,
  LOGITS,
  scaledGradients,
  totalWork,
  weightedTotal,
  type Chunk,
  type ChunkOfRows,
  type Found,
  type Wanted,
} from './head_loss';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, read, write, writeScratch } from './lib/launch';
import type { Named } from './lib/named';
import { place } from './lib/processor';
import { f32Spec, isActivation, isF32, isI32, matrixOf, misfit, requireF32 } from './lib/rule';
import { defineOp, type Binding, type Builder, type Dispatch, type Spec, type Target, type Value, type Work } from './op';
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

const THREADS = 256;

const INPUTS = ['hidden', 'head', 'labels', 'weights'] as const;
const OUTPUTS = ['loss', 'nll', 'entropy', 'hits', 'dHidden?', 'dHead?'] as const;

/**
 * hidden f32 [M, C], head f32 or f16 [V, C], labels i32 [M] (−1: none) and weights f32 [M] → loss [1] = Σ weights·nll, nll [M] (0
 * without a label), entropy [M] of the softmax in nats and hits [M], 1 where the label has the largest logit (both 0 without a label), and
 * when training dHidden [M, C] = ∂loss/∂hidden and dHead [V, C] = ∂loss/∂head. The loss and nll have gradients.
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
      ...{ loss: f32Spec([1]), nll: f32Spec([M]), entropy: f32Spec([M]), hits: f32Spec([M]) },
      ...{ dHidden: training ? f32Spec([M, C]) : null, dHead: trainHead ? f32Spec([V, C]) : null },
    };
  },
  gradient(builder, { inputs, outputs, attrs }, { loss: dLoss, nll: dNll, entropy, hits, dHidden, dHead }, wanted) {
    if (entropy !== null || hits !== null) throw internal('crossentropy: entropy and hits have no gradients');
    if (dHidden !== null || dHead !== null) throw internal('crossentropy: its gradients cannot be differentiated');
    if (wanted.head) requireF32('crossentropy', 'head', inputs.head);
    const found =
      dNll === null
        ? scaledGradients(builder, 'crossentropy', outputs, dLoss, wanted)
        : recomputed(builder, inputs, attrs, dLoss, dNll, wanted);
    const weights = wanted.weights && dLoss !== null ? scale(builder, outputs.nll, dLoss) : null;
    return { ...found, labels: null, weights };
  },
  twin: crossentropyTwin,
  // dHidden is small before it is multiplied by the loss scale, so it stays f32.
  f16: () => ({ inputs: ['hidden'], outputs: [] }),
  cost(use, { training, trainHead = false }) {
    const flops = headFlops({ model: use.inputs, teacher: null, training, trainHead }, 4);
    return { flops, bytes: bytesOf(use) };
  },
  launch({ inputs, outputs: { loss, nll, entropy, hits, dHidden, dHead } }, { softcap = null }, target) {
    const { labels, weights } = inputs;
    const { V } = sizesOf(inputs);
    const rows = ({ tokens, part }: Chunk): Dispatch => {
      const described = [part(write(entropy), 1), part(write(hits), 1)];
      const lossOf = [writeScratch(LOGITS), part(write(nll), 1), part(read(labels), 1), ...described];
      const bindings = dHidden === null ? lossOf : [...lossOf, part(read(weights), 1)];
      return softmaxRows({ rows: tokens, V, training: dHidden !== null, softcap }, bindings, target);
    };
    const { scratch, dispatches } = headLoss(
      { label: 'crossentropy', model: inputs, teacher: null, dHidden, dHead, rows },
      target,
    );
    return { scratch, dispatches: [...dispatches, weightedTotal({ losses: nll, labels, weights, total: loss }, target)] };
  },
  processor({ inputs, outputs: { loss, nll, entropy, hits, dHidden, dHead } }, { softcap = 0 }, processor) {
    const { labels, weights } = inputs;
    const { V } = sizesOf(inputs);
    const rows = ({ first, count, logits }: ChunkOfRows): Work => ({
      kernel: 'logit_rows',
      units: count,
      args: [
        ...[logits, place(nll, 4 * first), place(labels, 4 * first), place(entropy, 4 * first), place(hits, 4 * first)],
        ...[dHidden && place(weights, 4 * first), V, { f32: softcap }],
      ],
    });
    const { scratch, work } = headWork({ model: inputs, teacher: null, dHidden, dHead, rows }, processor);
    return { scratch, work: [...work, totalWork({ losses: nll, labels, weights, total: loss })] };
  },
});

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
  const constants = { ...lanes, TRAINING: training, VECTOR, WIDTH: VECTOR ? V / 4 : V, ...cap };
  return { shader: specialise('crossentropy rows', withLanes(source), 'rows', constants), bindings, workgroups: [rows, 1, 1] };
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

/** See `crossentropyOp`. */
export interface CrossentropyValues {
  readonly loss: Value;
  readonly nll: Value;
  readonly entropy: Value;
  readonly hits: Value;
}

/** loss [1] = Σ weights·nll; nll, entropy and hits [M]. */
export function crossentropy(builder: Builder, inputs: CrossentropyInputs): CrossentropyValues {
  const { training, trainHead = false, softcap, ...values } = inputs;
  return builder.apply(crossentropyOp, values, { training, trainHead, ...(softcap !== undefined && { softcap }) });
}
