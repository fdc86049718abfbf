/** The number of steps of a run, and learning rates as pure functions of the step. */

import type { Recipe } from '../recipe/recipe';

/**
 * Learning rate of step `step` (from 0) of `total`: linear warm-up to the peak, then cosine or linear decay towards 0, or
 * constant. Unlike transformers' schedules, the first step has a rate above 0.
 */
export function learningRateAt(
  recipe: Pick<Recipe, 'learningRate' | 'schedule' | 'warmupRatio'>,
  step: number,
  total: number,
): number {
  const warmup = warmupSteps(recipe, total);
  if (step < warmup) return (recipe.learningRate * (step + 1)) / (warmup + 1);
  const progress = (step - warmup) / Math.max(1, total - warmup);
  if (recipe.schedule === 'cosine') return recipe.learningRate * 0.5 * (1 + Math.cos(Math.PI * progress));
  return recipe.schedule === 'linear' ? recipe.learningRate * (1 - progress) : recipe.learningRate;
}

/** Steps of `total` over which the learning rate rises. */
export function warmupSteps({ warmupRatio }: Pick<Recipe, 'warmupRatio'>, total: number): number {
  return Math.ceil(warmupRatio * total);
}

/** Updates of a run over an epoch of `microSteps` micro-batches. */
export function totalSteps(recipe: Pick<Recipe, 'epochs' | 'maxSteps' | 'gradientAccumulation'>, microSteps: number): number {
  return recipe.maxSteps || Math.max(1, Math.ceil((recipe.epochs * microSteps) / recipe.gradientAccumulation));
}
