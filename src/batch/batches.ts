/** The batches of a run: which rows are processed at which micro-step. A pure function of (dataset, recipe, micro-step). */

import { internal } from '../core/errors';
import { NUMERICS, type Numerics } from '../core/numerics';
import type { Recipe } from '../recipe/recipe';
import { collate, type BatchShape, type BatchSpace } from './collate';
import { exampleLengths, packEpoch, sampleDocuments } from './order';
import { packFirstFit, type Packing, type RowSize } from './pack';
import type { Slots } from './slots';
import type { Range } from './sources';
import type { Batch, EncodedSplit, MixedSource } from './types';

export type BatchSettings = Pick<Recipe, 'microBatch' | 'sequenceLength' | 'seed'> & {
  /** Fills padding; nothing attends to it and no loss counts it. Null or absent: the model has none, and 0 fills it. */
  readonly padId?: number | null;
  /** At the start of each document; none when absent. */
  readonly virtualTokens?: number;
  /** That of new runs when absent. */
  readonly numerics?: Numerics;
  /** Shuffled when absent. */
  readonly order?: Recipe['order'];
  /** For examples with a layout; absent for next-token prediction. */
  readonly slots?: Slots;
  /** Of a mixture; absent for a single dataset. */
  readonly sources?: readonly MixedSource[];
  /** Of each training example; absent unless the order of the first epoch depends on it. */
  readonly difficulty?: Float32Array;
};

/** The epoch of a micro-step of the run, and its index in that epoch. */
export interface EpochPosition {
  readonly epoch: number;
  readonly index: number;
}

/** Training batches. Each epoch is packed separately, so the number of rows may differ between epochs. */
export interface Batches {
  /** Packed rows of an epoch. */
  rows(epoch: number): number;
  /** Batches of an epoch; the last one may end with rows of padding. */
  microStepsPerEpoch(epoch: number): number;
  /** Micro-steps of the epochs before `epoch`, which may have a fraction. */
  microStepsBefore(epoch: number): number;
  /** Epoch and index of micro-step k of the run. */
  locate(microStep: number): EpochPosition;
  /** Batch `index` of an epoch, written into `space` where one is given. */
  batch(epoch: number, index: number, space?: BatchSpace): Batch;
}

/** The batches of held-out measurements: the same at every measurement. */
export interface FixedBatches {
  readonly count: number;
  /** The examples in the order in which the batches have them. */
  readonly docs: Uint32Array;
  batch(index: number): Batch;
}

/** Packings kept in memory: enough to step over the end of an epoch and back. */
const KEPT = 2;

/** The training batches of `split`. Examples longer than `sequenceLength` with their virtual tokens are an internal error: encoding cuts them. */
export function createBatches(split: EncodedSplit, settings: BatchSettings): Batches {
  const shape = shapeOf(settings);
  const { seed, numerics = NUMERICS, order = 'shuffled', sources, difficulty } = settings;
  const mixed = { ...(sources && { sources }), ...(difficulty && { difficulty }) };
  const lengths = lengthsIn(split, settings);
  const packings = new Map<number, Packing>();
  const rowCounts = new Map<number, number>();

  function packing(epoch: number): Packing {
    const known = packings.get(epoch);
    if (known !== undefined) return known;
    const made = packEpoch(lengths, rowSize(settings), { seed, epoch, numerics, order, ...mixed });
    const [oldest] = packings.keys();
    if (packings.size >= KEPT && oldest !== undefined) packings.delete(oldest);
    packings.set(epoch, made);
    rowCounts.set(epoch, rowsOf(made));
    return made;
  }

  const rows = (epoch: number) => rowCounts.get(epoch) ?? rowsOf(packing(epoch));
  const microStepsPerEpoch = (epoch: number) => Math.ceil(rows(epoch) / shape.rows);

  return {
    rows,
    microStepsPerEpoch,
    microStepsBefore: (epoch) => stepsBefore(epoch, microStepsPerEpoch),
    locate: (microStep) => locate(microStep, microStepsPerEpoch),
    batch: (epoch, index, space) => batchAt(split, packing(epoch), index, shape, space),
  };
}

/**
 * The held-out batches of measurements: about `tokens` tokens of `split`, at least one batch, all of it when it has fewer. The
 * examples are a seeded sample, because the first ones of a sorted file do not represent the rest. `range`: of these examples only.
 */
export function createFixedBatches(
  split: EncodedSplit,
  settings: BatchSettings,
  tokens: number,
  range: Range = { from: 0, to: split.lines.length },
): FixedBatches {
  const shape = shapeOf(settings);
  const lengths = lengthsIn(split, settings);
  const firstOnly = settings.numerics === 1;
  const sampled = sampleDocuments(lengths.subarray(range.from, range.to), tokens, settings.seed);
  const chosen = firstOnly ? Uint32Array.from(lengths.keys()) : sampled.map((index) => range.from + index);
  const packing = packFirstFit(lengths, chosen, rowSize(settings));
  const all = Math.ceil(rowsOf(packing) / shape.rows);
  const count = firstOnly ? Math.min(all, Math.max(1, Math.floor(tokens / (shape.rows * shape.rowLength)))) : all;
  return { count, docs: packing.docs, batch: (index) => batchAt(split, packing, index, shape) };
}

function shapeOf({ microBatch, sequenceLength, virtualTokens = 0, padId, slots }: BatchSettings): BatchShape {
  const shape = { rows: microBatch, rowLength: sequenceLength, virtualTokens, padId: padId ?? null };
  return { ...shape, ...(slots !== undefined && { slots }) };
}

function rowSize({ sequenceLength, slots }: BatchSettings): RowSize {
  return { tokens: sequenceLength, items: slots?.perRow ?? Infinity };
}

/** Token counts of what is packed: examples, which are documents unless a layout says otherwise. */
function lengthsIn(split: EncodedSplit, { slots, virtualTokens }: BatchSettings): Uint32Array {
  return exampleLengths(split.offsets, slots?.layout.documents ?? 1, virtualTokens);
}

const rowsOf = (packing: Packing) => packing.starts.length - 1;

function batchAt(split: EncodedSplit, packing: Packing, index: number, shape: BatchShape, space?: BatchSpace): Batch {
  const count = Math.ceil(rowsOf(packing) / shape.rows);
  if (!Number.isInteger(index) || index < 0 || index >= count) throw internal(`batch ${index} of ${count} was asked for`);
  return collate(split, packing, index * shape.rows, shape, space);
}

function stepsBefore(epoch: number, stepsOf: (epoch: number) => number): number {
  let steps = 0;
  for (let e = 0; e < Math.floor(epoch); e++) steps += stepsOf(e);
  const rest = epoch - Math.floor(epoch);
  return rest > 0 ? steps + Math.round(rest * stepsOf(Math.floor(epoch))) : steps;
}

function locate(microStep: number, stepsOf: (epoch: number) => number): EpochPosition {
  let index = microStep;
  for (let epoch = 0; ; epoch++) {
    const steps = stepsOf(epoch);
    if (steps === 0) throw internal('there are no training examples to make batches of');
    if (index < steps) return { epoch, index };
    index -= steps;
  }
}
