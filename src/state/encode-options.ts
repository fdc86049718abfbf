/** How the recipe of a run has its data encoded. Pure. */

import type { DatasetEncoding } from '../../workers/api';
import { virtualTokens } from '../recipe/methods';
import type { Recipe } from '../recipe/recipe';

/** The options of a whole dataset; `encoding`: what it is encoded for, null for next-token prediction. */
export function encodeOptions(recipe: Recipe, encoding: DatasetEncoding | null) {
  const { sequenceLength, heldOutRatio, testRatio, split, seed, lossOn, dataSteps, method } = recipe;
  return {
    ...{ sequenceLength, heldOutRatio, testRatio, split, seed, lossOn, dataSteps },
    virtualTokens: virtualTokens(method),
    ...(encoding && { encoding }),
  };
}
