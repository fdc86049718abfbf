/** The batches of a run: training batches by micro-step, and the held-out batches of every measurement. */

import { createBatches, createFixedBatches, type Batches, type BatchSettings, type FixedBatches } from '../batch/batches';
import { batchSpace } from '../batch/collate';
import type { Slots } from '../batch/slots';
import { rangesIn, type Range } from '../batch/sources';
import type { Batch, EncodedDataset, EncodedSplit } from '../batch/types';
import { internal } from '../core/errors';
import type { Numerics } from '../core/numerics';
import { virtualTokens } from '../recipe/methods';
import type { OwnAnswerSettings } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import { rolloutPrompts, updatesPerPass, type RolloutPrompts } from './rollouts';
import { totalSteps } from '../optim/schedule';
import type { BatchSource, HeldOut } from './session';

/**
 * Held-out tokens of a measurement: a sixteenth of the tokens that the run trains on, within these bounds. Enough for a stable
 * mean, and few enough that ten measurements take less time than the training.
 */
const HELD_OUT_TOKENS = { least: 2_048, most: 16_384, share: 1 / 16 } as const;

/** Held-out tokens that a run measures, if there are so many; `microSteps` of an epoch. */
export function measuredTokens(recipe: Recipe, microSteps: number): number {
  const perBatch = recipe.sequenceLength * recipe.microBatch;
  const trained = totalSteps(recipe, microSteps) * recipe.gradientAccumulation * perBatch;
  const { least, most, share } = HELD_OUT_TOKENS;
  return Math.min(most, Math.max(least, trained * share));
}

export interface RunBatches {
  /** Of runs whose model writes what it learns from: throws. */
  readonly source: BatchSource;
  readonly heldOut: HeldOut;
  /** What such a run answers; null for others. */
  readonly prompts: RolloutPrompts | null;
  /** Micro-batches of an epoch. */
  readonly microSteps: number;
  /** Epochs completed after `step` updates, as a fraction. */
  readonly epochAt: (step: number) => number;
}

/**
 * `padId` fills padding, which nothing attends to and no loss counts; null: the model has none. `slots`: for examples with a layout. `numerics`: the version of the
 * run; that of new runs when absent. `difficulty`: of each training example, for the order `easy-first`.
 */
export function planBatches(
  dataset: Pick<EncodedDataset, 'train' | 'heldOut' | 'sources'>,
  recipe: Recipe,
  padId: number | null,
  slots?: Slots,
  numerics?: Numerics,
  difficulty?: Float32Array,
): RunBatches {
  if ('rewards' in recipe.objective) return rolloutPlan(dataset, recipe, recipe.objective);
  const settings = settingsOf(recipe, padId, slots, numerics);
  const { sources } = dataset;
  const training = createBatches(dataset.train, { ...settings, ...(sources && { sources }), ...(difficulty && { difficulty }) });
  const spaces = Array.from({ length: recipe.gradientAccumulation }, () =>
    batchSpace({ rows: recipe.microBatch, rowLength: recipe.sequenceLength, ...(slots !== undefined && { slots }) }),
  );
  const microSteps = microStepsOf(training, recipe);
  const heldOut = fixedBatches(
    dataset.heldOut,
    settings,
    measuredTokens(recipe, microSteps),
    sources && rangesIn(sources, 'heldOut'),
  );
  return {
    heldOut,
    prompts: null,
    microSteps,
    source: {
      batch(index) {
        const position = training.locate(index);
        return training.batch(position.epoch, position.index, spaces[index % spaces.length]);
      },
    },
    epochAt: (step) => {
      const { epoch, index } = training.locate(step * recipe.gradientAccumulation);
      return epoch + index / training.microStepsPerEpoch(epoch);
    },
  };
}

/** A step has as many micro-batches as its answers fill. Its number of steps is counted in those of the recipe all the same. */
function rolloutPlan(
  dataset: Pick<EncodedDataset, 'train' | 'heldOut' | 'sources'>,
  recipe: Recipe,
  settings: OwnAnswerSettings,
): RunBatches {
  const prompts = rolloutPrompts(dataset, recipe, settings);
  const updates = updatesPerPass(settings, prompts.train.length);
  return {
    prompts,
    heldOut: [],
    source: {
      batch() {
        throw internal('the batches of this run are its own answers');
      },
    },
    microSteps: updates * recipe.gradientAccumulation,
    epochAt: (step) => step / updates,
  };
}

/**
 * Micro-batches of an epoch, from which the steps of the run follow. Those of the first epoch, but where it is packed in another order than
 * the others the mean: documents of one length leave more padding. `easy-first` sorts rows that are packed as ever.
 */
function microStepsOf(training: Batches, { order, epochs }: Recipe): number {
  const first = training.microStepsPerEpoch(0);
  if (order !== 'short-first' || epochs <= 1) return first;
  return Math.ceil((first + (epochs - 1) * training.microStepsPerEpoch(1)) / epochs);
}

/**
 * Batches of every example of `split`, packed as held-out examples are. The arguments are those of `planBatches`. `ranges`: of each dataset
 * of a mixture.
 */
export function allBatches(
  split: EncodedSplit,
  recipe: Recipe,
  padId: number | null,
  slots?: Slots,
  numerics?: Numerics,
  ranges?: readonly Range[],
): readonly Batch[] {
  return fixedBatches(split, settingsOf(recipe, padId, slots, numerics), Infinity, ranges);
}

/** All examples of `split` in batches, with the order in which the batches have them. */
export function batchesInOrder(split: EncodedSplit, recipe: Recipe, padId: number | null): FixedBatches {
  return createFixedBatches(split, settingsOf(recipe, padId), Infinity);
}

function settingsOf(recipe: Recipe, padId: number | null, slots?: Slots, numerics?: Numerics): BatchSettings {
  return {
    ...recipe,
    virtualTokens: virtualTokens(recipe.method),
    padId,
    ...(slots !== undefined && { slots }),
    ...(numerics !== undefined && { numerics }),
  };
}

/** About `tokens` tokens; of a mixture the same number of each dataset, as batches of its own. */
function fixedBatches(split: EncodedSplit, settings: BatchSettings, tokens: number, ranges?: readonly Range[]): readonly Batch[] {
  if (ranges === undefined) return batchesOf(createFixedBatches(split, settings, tokens));
  return ranges.flatMap((range, source) =>
    batchesOf(createFixedBatches(split, settings, tokens / ranges.length, range)).map((batch) => ({ ...batch, source })),
  );
}

function batchesOf(fixed: FixedBatches): readonly Batch[] {
  return Array.from({ length: fixed.count }, (_, i) => fixed.batch(i));
}
