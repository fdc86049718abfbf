/** How long to train with this number of examples: epochs, sequence length and preset. */

import { virtualTokens } from '../recipe/methods';
import type { Situation } from './advice';

/** Sequence lengths that are suggested. */
const LENGTHS = [256, 512, 1024, 2048, 4096, 8192];

/** Share of the examples that a suggested length holds in full. */
const WHOLE = 0.99;

/** Tokens of one pass from which a quick run comes first: it takes hours on most devices. */
const MANY_TOKENS = 5_000_000;

/** Values for the settings of a recipe. */
export interface SuggestedRun {
  readonly epochs: number;
  readonly sequenceLength: number;
  readonly preset: 'quick' | 'balanced';
}

/**
 * Passes over the data, by the rule in OpenAI's cookbook (“Data preparation and analysis for chat model fine-tuning”): 3, more when that
 * makes fewer than 100 examples in all, up to 25, and fewer when it makes more than 25,000.
 */
export function epochsFor(examples: number): number {
  if (examples === 0) return 3;
  if (3 * examples < 100) return Math.min(25, Math.floor(100 / examples));
  return 3 * examples > 25_000 ? Math.max(1, Math.floor(25_000 / examples)) : 3;
}

/** Virtual tokens of an example. */
export function virtualIn({ stats, recipe }: Pick<Situation, 'stats' | 'recipe'>): number {
  return virtualTokens(recipe.method) * (stats?.slots?.layout.documents ?? 1);
}

/** The shortest sequence that holds nearly all examples in full, with `virtual` virtual tokens each, and that the model reads. */
export function lengthFor(
  { histogram: { width, counts } }: NonNullable<Situation['stats']>,
  context: number | null,
  virtual = 0,
): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let [held, needed] = [0, 0];
  for (const [index, count] of counts.entries()) {
    held += count;
    needed = virtual + (index + 1) * width;
    if (held >= WHOLE * total) break;
  }
  const fitting = LENGTHS.find((length) => length >= needed) ?? LENGTHS.at(-1) ?? needed;
  return context === null ? fitting : Math.min(fitting, context);
}

/** Null while the tokens are not counted. */
export function suggestedRun({ stats, context, recipe }: Pick<Situation, 'stats' | 'context' | 'recipe'>): SuggestedRun | null {
  if (stats === null || stats.examples === 0) return null;
  return {
    epochs: epochsFor(stats.examples),
    sequenceLength: lengthFor(stats, context, virtualIn({ stats, recipe })),
    preset: stats.tokens > MANY_TOKENS ? 'quick' : 'balanced',
  };
}
