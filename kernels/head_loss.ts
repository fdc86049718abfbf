/**
 * Losses of the logits of a vocabulary without M × V logits in memory: launches go through the tokens in chunks, whose logits are in
 * scratch. The derivative of a chunk's logits takes their place, and gives its rows of dHidden and its part of dHead.
 */

import { internal } from '../src/core/errors';
import { specialise } from '../src/gpu/shader';
import { bindRange, type ItemRange } from './lib/binding-ranges';
import { gemm } from './lib/gemm';
import { transposedGemm } from './lib/gemm-transposed';
import { laneConstants, withLanes } from './lib/lanes';
import { read, readScratch, tooLarge, write, writeScratch } from './lib/launch';
import { optional, part, products, scratch, stored, type Factor, type Stored } from './lib/processor';
import { matrixOf } from './lib/rule';
import type {
  Address,
  Binding,
  Builder,
  Dispatch,
  Launch,
  Operand,
  Processor,
  ProcessorLaunch,
  Spec,
  Target,
  Value,
  Work,
} from './op';
import { scale } from './scale';
import source from './weighted_total.wgsl?raw';

/** Approximate bytes of a model's logits that are in memory at a time. */
const CHUNK_BYTES = 32 << 20;
/** Chunks start at multiples of this many tokens, so that their ranges of [M] buffers are aligned. */
const CHUNK_STEP = 64;
const MAX_TOKENS = 65535 - (65535 % CHUNK_STEP);
const THREADS = 256;

/** The output head of a model and what it is applied to: head [V, C], hidden [M, C]. */
export interface HeadOf<T = Operand> {
  readonly hidden: T;
  readonly head: T;
}

export interface HeadLoss {
  /** Names the matrix products. */
  readonly label: string;
  readonly model: HeadOf;
  /** A model that the loss compares with; its logits are in scratch `TEACHER_LOGITS`. */
  readonly teacher: HeadOf | null;
  /** [M, C]; null when not training. */
  readonly dHidden: Operand | null;
  /** [V, C]; null when the head is not trained. */
  readonly dHead: Operand | null;
  /** Computes the losses of a chunk; when training, writes the derivative of the logits in their place. */
  readonly rows: (chunk: Chunk) => Dispatch;
}

/** A chunk of tokens. */
export interface Chunk {
  readonly tokens: number;
  /** The chunk's part of a tensor with `width` elements a token. */
  readonly part: (binding: Binding, width: number) => Binding;
}

/** The scratch buffers with the logits [tokens, V] of the model and of the teacher. */
export const LOGITS = 0;
export const TEACHER_LOGITS = 1;

/** The dispatches of all chunks, without the sum of their losses. */
export function headLoss(loss: HeadLoss, target: Target): Launch {
  const { model, teacher } = loss;
  const [M, V] = [model.hidden.shape[0] ?? 0, model.head.shape[0] ?? 0];
  const widest = Math.max(V, ...[model, teacher].map((one) => one?.hidden.shape[1] ?? 0));
  const most = chunkTokens({ M, V, widest }, target);
  const tokens = Math.ceil(M / Math.ceil(M / most) / CHUNK_STEP) * CHUNK_STEP;
  const starts = Array.from({ length: Math.ceil(M / tokens) }, (_, i) => i * tokens);
  const chunks = starts.map((first) => chunk(loss, { first, count: Math.min(tokens, M - first) }, target));
  const largest = (i: number) => Math.max(0, ...chunks.map(({ scratch }) => scratch[i] ?? 0));
  const logits = new Array<number>(teacher === null ? 1 : 2).fill(4 * V * Math.min(tokens, M));
  const scratch = [...logits, largest(0), largest(1)].filter((bytes) => bytes > 0);
  return { scratch, dispatches: chunks.flatMap(({ dispatches }) => dispatches) };
}

interface Sizes {
  readonly M: number;
  readonly V: number;
  /** The longest row of a chunk. */
  readonly widest: number;
}

/** The most tokens per chunk. Each takes a workgroup, so at most 65,535. */
function chunkTokens({ M, V, widest }: Sizes, { maxBindingBytes }: Target): number {
  const steps = (bytes: number) => Math.floor(bytes / (4 * widest * CHUNK_STEP)) * CHUNK_STEP;
  const tokens = Math.min(Math.max(CHUNK_STEP, steps(CHUNK_BYTES)), steps(maxBindingBytes), MAX_TOKENS);
  if (tokens === 0 && 4 * V * M > maxBindingBytes)
    throw tooLarge(`${CHUNK_STEP} rows of ${V} logits`, 4 * V * CHUNK_STEP, maxBindingBytes);
  return Math.max(tokens, CHUNK_STEP);
}

/**
 * Logits of a chunk of tokens, their loss, their rows of dHidden, and their part of dHead, which is added to that of earlier chunks.
 * The returned scratch follows the logits: with dHead their transposed derivative, then partial sums of products.
 */
function chunk(loss: HeadLoss, tokens: ItemRange, target: Target): Launch {
  const { label, model, teacher, dHidden, dHead } = loss;
  const [M, C] = matrixOf(model.hidden) ?? [0, 0];
  const V = model.head.shape[0] ?? 0;
  const part = (binding: Binding, width: number): Binding =>
    tokens.count === M ? binding : bindRange(binding, tokens, 4 * width);
  const first = teacher === null ? 1 : 2;
  const partials = dHead === null ? first : first + 1;
  const rows = tokens.count;
  const logitsOf = ({ hidden, head }: HeadOf, y: number): Launch => {
    const depth = hidden.shape[1] ?? 0;
    const product = { a: part(read(hidden), depth), w: read(head), type: head.dtype, factor: 1, depth };
    return gemm({ label, layout: 'nt', rows, columns: V, product, y: writeScratch(y) }, target, partials);
  };
  const forward = [logitsOf(model, LOGITS), ...(teacher === null ? [] : [logitsOf(teacher, TEACHER_LOGITS)])];
  const losses = [...forward.flatMap(({ dispatches }) => dispatches), loss.rows({ tokens: rows, part })];
  const forwardPartials = Math.max(0, ...forward.flatMap(({ scratch }) => scratch));
  if (dHidden === null) return { scratch: [forwardPartials], dispatches: losses };
  const dLogits = { a: readScratch(LOGITS), w: read(model.head), type: model.head.dtype, factor: 1, depth: V };
  const y = part(write(dHidden), C);
  const backward = gemm({ label, layout: 'nn', rows, columns: C, product: dLogits, y }, target, partials);
  const dispatches = [...losses, ...backward.dispatches];
  const partialBytes = Math.max(forwardPartials, ...backward.scratch);
  if (dHead === null) return { scratch: [partialBytes], dispatches };
  const { hidden } = model;
  const sums = { label, rows: V, columns: C, depth: rows, a: readScratch(LOGITS), w: part(read(hidden), C), type: hidden.dtype };
  const ofHead = transposedGemm({ ...sums, factor: 1, accumulate: tokens.first > 0, y: write(dHead) }, target, first);
  const [transposed = 0, headBytes = 0] = ofHead.scratch;
  return { scratch: [transposed, Math.max(partialBytes, headBytes)], dispatches: [...dispatches, ...ofHead.dispatches] };
}

/** `total` [1] = Σ weights·losses over the tokens with a label, in one workgroup; the others are [M]. */
export function weightedTotal(
  { losses, labels, weights, total }: Readonly<Record<'losses' | 'labels' | 'weights' | 'total', Operand>>,
  target: Target,
): Dispatch {
  const constants = { ...laneConstants(target, THREADS, THREADS), TOKENS: losses.shape[0] ?? 0 };
  const bindings = [read(losses), read(labels), read(weights), write(total)];
  return { shader: specialise('weighted total', withLanes(source), 'main', constants), bindings, workgroups: [1, 1, 1] };
}

/** A chunk of tokens on the processor, and the address of its logits. */
export interface ChunkOfRows {
  readonly first: number;
  readonly count: number;
  readonly logits: Address;
  /** Of the teacher. */
  readonly teacherLogits: Address;
}

/** What a loss consists of on the processor; see `HeadLoss`. */
export interface HeadWork extends Pick<HeadLoss, 'model' | 'teacher' | 'dHidden' | 'dHead'> {
  readonly rows: (chunk: ChunkOfRows) => Work;
}

/** The work of all chunks, without the sum of their losses. Chunks share the scratch of their products. */
export function headWork({ model, teacher, dHidden, dHead, rows }: HeadWork, processor: Processor): ProcessorLaunch {
  const [M, V] = [model.hidden.shape[0] ?? 0, model.head.shape[0] ?? 0];
  const tokens = Math.max(1, Math.min(M, Math.floor(CHUNK_BYTES / (4 * V))));
  const logitsAt = (y: number, count: number): Stored => ({ at: scratch(y), dtype: 'f32', rows: count, columns: V });
  const works = Array.from({ length: Math.ceil(M / tokens) }, (_, i): ProcessorLaunch[] => {
    const first = i * tokens;
    const count = Math.min(tokens, M - first);
    const hiddenOf = ({ hidden }: HeadOf) => part(stored(hidden), first, count);
    const logits = logitsAt(LOGITS, count);
    const forward = (one: HeadOf, y: number) =>
      products(
        { a: plain(hiddenOf(one)), w: { matrix: stored(one.head), transposed: true }, factor: 1, y: logitsAt(y, count) },
        processor,
        PRODUCT,
      );
    const chunk = { first, count, logits: scratch(LOGITS), teacherLogits: scratch(TEACHER_LOGITS) };
    return [
      forward(model, LOGITS),
      ...(teacher === null ? [] : [forward(teacher, TEACHER_LOGITS)]),
      { scratch: [], work: [rows(chunk)] },
      ...(dHidden === null
        ? []
        : [
            products(
              { a: plain(logits), w: plain(stored(model.head)), factor: 1, y: part(stored(dHidden), first, count) },
              processor,
              PRODUCT,
            ),
          ]),
      ...(dHead === null
        ? []
        : [
            products(
              {
                a: { matrix: logits, transposed: true },
                w: plain(hiddenOf(model)),
                factor: 1,
                accumulate: first > 0,
                y: stored(dHead),
              },
              processor,
              PRODUCT,
            ),
          ]),
    ];
  }).flat();
  const largest = (i: number) => Math.max(0, ...works.map((launch) => launch.scratch[i] ?? 0));
  const all = 4 * V * tokens;
  return { scratch: [all, teacher === null ? 0 : all, largest(0), largest(1)], work: works.flatMap(({ work }) => work) };
}

/** The first scratch buffer of products. */
const PRODUCT = 2;

function plain(matrix: Stored): Factor {
  return { matrix, transposed: false };
}

/** `weightedTotal` on the processor. */
export function totalWork({
  losses,
  labels,
  weights,
  total,
}: Readonly<Record<'losses' | 'labels' | 'weights' | 'total', Operand>>): Work {
  return { kernel: 'weighted_total', units: 1, args: [...[losses, labels, weights, total].map(optional), losses.shape[0] ?? 0] };
}

/** Arithmetic operations of the loss's matrix products, and `perLogit` ones for each logit, which a derivative doubles. */
export function headFlops(
  {
    model,
    teacher,
    training,
    trainHead,
  }: { model: HeadOf<Spec>; teacher: HeadOf<Spec> | null; training: boolean; trainHead: boolean },
  perLogit: number,
): number {
  const productOf = ({ hidden, head }: HeadOf<Spec>) =>
    2 * (hidden.shape[0] ?? 0) * (hidden.shape[1] ?? 0) * (head.shape[0] ?? 0);
  const product = productOf(model);
  const logits = (model.hidden.shape[0] ?? 0) * (model.head.shape[0] ?? 0);
  const forward = product + perLogit * logits;
  return (training ? 2 : 1) * forward + (trainHead ? product : 0) + (teacher === null ? 0 : productOf(teacher));
}

/** Which inputs need a gradient, and the gradients. */
export type Wanted = Readonly<Record<'hidden' | 'head', boolean>>;
export type Found = Readonly<Record<'hidden' | 'head', Value | null>>;

/** The gradients for a cotangent of the loss only: those that the op computed, times the cotangent. */
export function scaledGradients(
  builder: Builder,
  op: string,
  { dHidden, dHead }: Readonly<Record<'dHidden' | 'dHead', Value | null>>,
  dLoss: Value | null,
  wanted: Wanted,
): Found {
  const times = (value: Value | null, attr: string) => {
    if (value === null) throw internal(`${op}: a gradient was requested of one that was built without \`${attr}\``);
    return dLoss && scale(builder, value, dLoss);
  };
  return {
    hidden: wanted.hidden ? times(dHidden, 'training') : null,
    head: wanted.head ? times(dHead, 'trainHead') : null,
  };
}
