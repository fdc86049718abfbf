/** When a run measures, samples and saves. */

import type { Recipe } from '../recipe/recipe';

/** Intervals in steps. */
export interface Cadence {
  readonly evaluate: number;
  readonly save: number;
  readonly sample: number;
}

/** The recipe's intervals; where it has none, about ten times a run. */
export function cadenceOf(recipe: Pick<Recipe, 'evalEvery' | 'saveEvery' | 'sampleEvery'>, totalSteps: number): Cadence {
  const evaluate = recipe.evalEvery || Math.max(1, Math.ceil(totalSteps / 10));
  return { evaluate, save: recipe.saveEvery || evaluate, sample: recipe.sampleEvery || evaluate };
}

/** Whether something with this interval happens at the session's step: at its multiples and at the last step. */
export function isDue(every: number, { step, totalSteps }: { readonly step: number; readonly totalSteps: number }): boolean {
  return step > 0 && (step % every === 0 || step === totalSteps);
}
