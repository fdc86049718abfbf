/** The batches of a run: for training by micro-step, and the held-out ones that every measurement uses. */

import { createBatches, createFixedBatches } from '../batch/batches';
import { batchSpace } from '../batch/collate';
import type { EncodedDataset } from '../batch/types';
import type { Recipe } from '../recipe/recipe';
import { totalSteps } from './forecast';
import type { BatchSource, HeldOut } from './session';

/**
 * Held-out tokens that a measurement reads: a sixteenth of what the run trains on, within these bounds. Enough for a steady mean,
 * and few enough that ten measurements cost less than the training.
 */
const HELD_OUT_TOKENS = { least: 2_048, most: 16_384, share: 1 / 16 } as const;

export interface RunBatches {
  readonly source: BatchSource;
  readonly heldOut: HeldOut;
  /** Micro-batches of the first epoch. */
  readonly microSteps: number;
  /** Epochs done after `step` updates, as a fraction. */
  readonly epochAt: (step: number) => number;
}

/** `padId` fills padding, which nothing attends to and no loss counts. */
export function planBatches(dataset: Pick<EncodedDataset, 'train' | 'heldOut'>, recipe: Recipe, padId: number): RunBatches {
  const training = createBatches(dataset.train, { ...recipe, padId });
  const fixed = createFixedBatches(dataset.heldOut, { ...recipe, padId });
  const spaces = Array.from({ length: recipe.gradientAccumulation }, () =>
    batchSpace({ rows: recipe.microBatch, rowLength: recipe.sequenceLength }),
  );
  const microSteps = training.microStepsPerEpoch(0);
  const perBatch = recipe.sequenceLength * recipe.microBatch;
  const trained = totalSteps(recipe, microSteps) * recipe.gradientAccumulation * perBatch;
  const { least, most, share } = HELD_OUT_TOKENS;
  const read = Math.min(most, Math.max(least, trained * share));
  const measured = Math.min(fixed.count, Math.max(1, Math.floor(read / perBatch)));
  return {
    heldOut: Array.from({ length: measured }, (_, i) => fixed.batch(i)),
    microSteps,
    source: {
      batch(index) {
        const place = training.locate(index);
        return training.batch(place.epoch, place.index, spaces[index % spaces.length]);
      },
    },
    epochAt: (step) => {
      const { epoch, index } = training.locate(step * recipe.gradientAccumulation);
      return epoch + index / training.microStepsPerEpoch(epoch);
    },
  };
}
