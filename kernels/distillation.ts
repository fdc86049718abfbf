/**
 * The divergence of a model's predictions from those of a teacher, and its derivative, without M × V logits in memory. The models
 * may have different widths; they have one vocabulary.
 */

import { internal } from '../src/core/errors';
import { f32, specialise } from '../src/gpu/shader';
import source from './distillation.wgsl?raw';
import { distillationTwin } from './distillation_twin';
import {
  headFlops,
  headLoss,
  LOGITS,
  scaledGradients,
  TEACHER_LOGITS,
  weightedTotal,
  type Chunk,
  headWork,
  totalWork,
  type ChunkOfRows,
} from './head_loss';
import { laneConstants, withLanes } from './lib/lanes';
import { bytesOf, read, readScratch, write, writeScratch } from './lib/launch';
import type { Named } from './lib/named';
import { place } from './lib/processor';
import { f32Spec, isActivation, isF32, isI32, matrixOf, misfit, requireF32 } from './lib/rule';
import { softcapConstants, withTanh } from './lib/softcap';
import { defineOp, type Binding, type Builder, type Dispatch, type Spec, type Target, type Value, type Work } from './op';
import { scale } from './scale';

export interface DistillationAttrs {
  /** T: both models' logits are divided by it. */
  readonly temperature: number;
  /** Also compute dHidden, the derivative of the loss. */
  readonly training: boolean;
  /** When training, also compute dHead. The head must be f32. */
  readonly trainHead?: boolean;
  /** The logits z of the model, and those of the teacher, become cap·tanh(z/cap) before they are divided by T. */
  readonly softcap?: number;
  readonly teacherSoftcap?: number;
}

const THREADS = 256;

const INPUTS = ['hidden', 'head', 'teacherHidden', 'teacherHead', 'labels', 'weights'] as const;

/**
 * kl [M] = KL(teacher ‖ model) = Σ_v q·(log q − log p), with p = softmax(head·hidden / T) and q = softmax(teacherHead·teacherHidden / T)
 * (Hinton et al., arXiv 1503.02531, whose loss is this times T², up to a constant); 0 where the label is −1. loss [1] = Σ weights·kl.
 * When training dHidden [M, C] = ∂loss/∂hidden = weight/T·(p − q)·head, and dHead [V, C] = ∂loss/∂head.
 *
 * hidden f32 [M, C], head f32 or f16 [V, C], teacherHidden f32 [M, C'], teacherHead f32 or f16 [V, C'], labels i32 [M], of which only
 * the sign counts, weights f32 [M]. Only the loss has a gradient, and none of the teacher's: it counts as a constant.
 */
export const distillationOp = defineOp<DistillationAttrs>()({
  name: 'distillation',
  inputs: INPUTS,
  outputs: ['loss', 'kl', 'dHidden?', 'dHead?'],
  infer(inputs, { training, trainHead = false }) {
    const [M, C, V] = sizesOf(inputs);
    if (trainHead && (!training || inputs.head.dtype !== 'f32'))
      throw misfit('distillation', inputs, 'an f32 head and `training` to train the head');
    return {
      ...{ loss: f32Spec([1]), kl: f32Spec([M]) },
      ...{ dHidden: training ? f32Spec([M, C]) : null, dHead: trainHead ? f32Spec([V, C]) : null },
    };
  },
  gradient(builder, { inputs, outputs }, { loss: dLoss, kl, dHidden, dHead }, wanted) {
    if (kl !== null || dHidden !== null || dHead !== null) throw internal('distillation: only the loss can be differentiated');
    if (wanted.teacherHidden || wanted.teacherHead) throw internal('distillation: a gradient of the teacher was requested');
    if (wanted.head) requireF32('distillation', 'head', inputs.head);
    const found = scaledGradients(builder, 'distillation', outputs, dLoss, wanted);
    const weights = wanted.weights && dLoss !== null ? scale(builder, outputs.kl, dLoss) : null;
    return { ...found, teacherHidden: null, teacherHead: null, labels: null, weights };
  },
  twin: distillationTwin,
  // dHidden is small before it is multiplied by the loss scale, so it stays f32.
  f16: () => ({ inputs: ['hidden', 'teacherHidden'], outputs: [] }),
  cost(use, { training, trainHead = false }) {
    const flops = headFlops({ model: use.inputs, teacher: teacherOf(use.inputs), training, trainHead }, 10);
    return { flops, bytes: bytesOf(use) };
  },
  launch({ inputs, outputs: { loss, kl, dHidden, dHead } }, attrs, target) {
    const { labels, weights } = inputs;
    const V = inputs.head.shape[0] ?? 0;
    const rows = ({ tokens, part }: Chunk): Dispatch => {
      const lossOf = [writeScratch(LOGITS), readScratch(TEACHER_LOGITS), part(write(kl), 1), part(read(labels), 1)];
      const bindings = dHidden === null ? lossOf : [...lossOf, part(read(weights), 1)];
      return divergenceRows({ ...attrs, rows: tokens, V, training: dHidden !== null }, bindings, target);
    };
    const of = { label: 'distillation', model: inputs, teacher: teacherOf(inputs), dHidden, dHead, rows };
    const { scratch, dispatches } = headLoss(of, target);
    return { scratch, dispatches: [...dispatches, weightedTotal({ losses: kl, labels, weights, total: loss }, target)] };
  },
  processor({ inputs, outputs: { loss, kl, dHidden, dHead } }, attrs, processor) {
    const { labels, weights } = inputs;
    const V = inputs.head.shape[0] ?? 0;
    const settings = [attrs.temperature, attrs.softcap ?? 0, attrs.teacherSoftcap ?? 0].map((number) => ({ f32: number }));
    const rows = ({ first, count, logits, teacherLogits }: ChunkOfRows): Work => {
      const buffers = [place(kl, 4 * first), place(labels, 4 * first), dHidden && place(weights, 4 * first)];
      return { kernel: 'divergence_rows', units: count, args: [logits, teacherLogits, ...buffers, V, ...settings] };
    };
    const of = { model: inputs, teacher: teacherOf(inputs), dHidden, dHead, rows };
    const { scratch, work } = headWork(of, processor);
    return { scratch, work: [...work, totalWork({ losses: kl, labels, weights, total: loss })] };
  },
});

function teacherOf<T>({ teacherHidden, teacherHead }: Named<typeof INPUTS, T>): { readonly hidden: T; readonly head: T } {
  return { hidden: teacherHidden, head: teacherHead };
}

/** M, C and V. */
function sizesOf(inputs: Named<typeof INPUTS, Spec>): readonly [number, number, number] {
  const { hidden, head, labels, weights } = inputs;
  const teacher = teacherOf(inputs);
  const [M, C] = matrixOf(hidden) ?? [0, 0];
  const V = head.shape[0] ?? 0;
  const fits = (one: { readonly hidden: Spec; readonly head: Spec }) => {
    const [tokens, width] = matrixOf(one.hidden) ?? [0, 0];
    const [words, depth] = matrixOf(one.head) ?? [0, 0];
    return isActivation(one.hidden) && isActivation(one.head) && tokens === M && words === V && depth === width && width > 0;
  };
  if (!fits(inputs) || !fits(teacher) || M * V === 0 || !isI32(labels, [M]) || !isF32(weights, [M])) {
    const expected = "hidden f32|f16[M, C], head f32|f16[V, C], the teacher's with M, V and a width of its own";
    throw misfit('distillation', inputs, `${expected}, labels i32[M], weights f32[M]`);
  }
  return [M, C, V];
}

interface DivergenceRows extends DistillationAttrs {
  readonly rows: number;
  readonly V: number;
}

function divergenceRows(of: DivergenceRows, bindings: readonly Binding[], target: Target): Dispatch {
  const { rows, V, training, temperature, softcap, teacherSoftcap } = of;
  const VECTOR = V % 4 === 0;
  const lanes = laneConstants(target, THREADS, THREADS);
  const caps = {
    ...softcapConstants(softcap),
    ...{ TEACHER_SOFTCAP: teacherSoftcap !== undefined, TEACHER_CAP: f32(teacherSoftcap ?? 1) },
  };
  const constants = { ...lanes, TRAINING: training, VECTOR, WIDTH: VECTOR ? V / 4 : V, TEMPERATURE: f32(temperature), ...caps };
  return {
    shader: specialise('distillation rows', withTanh(withLanes(source), 'E'), 'rows', constants),
    bindings,
    workgroups: [rows, 1, 1],
  };
}

export interface DistillationInputs {
  /** f32 [M, C]: the input of the head. */
  readonly hidden: Value;
  /** f32 or f16 [V, C]. */
  readonly head: Value;
  /** f32 [M, C']. */
  readonly teacherHidden: Value;
  /** f32 or f16 [V, C']. */
  readonly teacherHead: Value;
  /** i32 [M]: −1 for tokens that do not count. */
  readonly labels: Value;
  /** f32 [M]. */
  readonly weights: Value;
}

/** loss [1] = Σ weights·KL(teacher ‖ model), and the KL of each token [M]. Only the loss has a gradient, and only when training. */
export function distillation(
  builder: Builder,
  inputs: DistillationInputs,
  attrs: DistillationAttrs,
): { readonly loss: Value; readonly kl: Value } {
  return builder.apply(distillationOp, { ...inputs }, attrs);
}
