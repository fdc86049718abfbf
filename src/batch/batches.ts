/** The batches of a run: which rows go through the model at which micro-step. A pure function of (dataset, recipe, micro-step). */

import { internal } from '../core/errors';
import type { Recipe } from '../recipe/recipe';
import { collate, type BatchShape, type BatchSpace } from './collate';
import { lengthsOf, packEpoch, packInOrder } from './order';
import type { Packing } from './pack';
import type { Batch, EncodedSplit } from './types';

/** `padId` fills padding (0 when the model has no pad token); nothing attends to it and no loss counts it. */
export type BatchSettings = Pick<Recipe, 'microBatch' | 'sequenceLength'> & { readonly padId?: number };

/** Where a micro-step of the whole run lies: its epoch, and its place in it. */
export interface EpochPosition {
  readonly epoch: number;
  readonly index: number;
}

/** Training batches. Every epoch packs anew, so epochs may differ by a few rows. */
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

/** Batches in a fixed order, for held-out measurements. */
export interface FixedBatches {
  readonly count: number;
  batch(index: number): Batch;
}

/** Packings held at a time: enough to go over an epoch's end and back. */
const KEPT = 2;

/** The training batches of `split`. Documents longer than `sequenceLength` are an internal error: encoding cuts them. */
export function createBatches(split: EncodedSplit, settings: BatchSettings & Pick<Recipe, 'seed'>): Batches {
  const shape = shapeOf(settings);
  const lengths = lengthsOf(split.offsets);
  const packings = new Map<number, Packing>();
  const rowCounts = new Map<number, number>();

  function packing(epoch: number): Packing {
    const known = packings.get(epoch);
    if (known !== undefined) return known;
    const made = packEpoch(lengths, shape.rowLength, settings.seed, epoch);
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

/** The batches of `split` in the order of the file. */
export function createFixedBatches(split: EncodedSplit, settings: BatchSettings): FixedBatches {
  const shape = shapeOf(settings);
  const packing = packInOrder(lengthsOf(split.offsets), shape.rowLength);
  return { count: Math.ceil(rowsOf(packing) / shape.rows), batch: (index) => batchAt(split, packing, index, shape) };
}

function shapeOf({ microBatch, sequenceLength, padId }: BatchSettings): BatchShape {
  return { rows: microBatch, rowLength: sequenceLength, padId: padId ?? 0 };
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
