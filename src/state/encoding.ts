/** How the next run reads the dataset. */

import { virtualTokens } from '../recipe/methods';
import type { Encoding } from './data.svelte';
import { model } from './model.svelte';
import { encodingOf } from './objective';
import { recipe } from './recipe.svelte';

/** The tokenizer and settings for encoding the dataset, or null while one is missing. */
export function currentEncoding(): Encoding | null {
  const [tokenizer, value] = [model.view?.tokenizer ?? null, recipe.value];
  if (tokenizer === null || value === null) return null;
  const { sequenceLength, heldOutRatio, testRatio, split, seed, lossOn, dataSteps, objective, method } = value;
  const encoding = encodingOf(objective.kind);
  const options = {
    sequenceLength,
    heldOutRatio,
    testRatio,
    split,
    seed,
    lossOn,
    dataSteps,
    virtualTokens: virtualTokens(method),
  };
  return { tokenizer, options: { ...options, ...(encoding && { encoding }) } };
}
