/** Usual learning rates, by method and objective. Pure. */

import type { MethodKind } from '../recipe/methods';
import type { ObjectiveKind } from '../recipe/objectives';
import { isLabelled, isPreference, scores } from './objective';

/**
 * Usual learning rates, by method; the page offers the next one when method or objective are changed. Preference objectives and reward
 * models: TRL's defaults of 1e-6 and 1e-4 for full fine-tuning, and ten times as much for LoRA. Labels: those with which the starter
 * encoder was evaluated. IA³: that of its paper for texts, and for the others in the same proportion to LoRA's.
 */
const RATES: Readonly<Record<'tokens' | 'preference' | 'scores' | 'labels', Readonly<Record<MethodKind, number>>>> = {
  tokens: { lora: 2e-4, ia3: 3e-3, full: 2e-5 },
  preference: { lora: 1e-5, ia3: 1e-4, full: 1e-6 },
  scores: { lora: 1e-3, ia3: 1e-2, full: 1e-4 },
  labels: { lora: 2e-3, ia3: 1e-2, full: 5e-4 },
};

/** The learning rate that is usual for a method and an objective. */
export function rateFor(method: MethodKind, objective: ObjectiveKind): number {
  return RATES[rateOf(objective)][method];
}

function rateOf(goal: ObjectiveKind): keyof typeof RATES {
  if (scores(goal)) return 'scores';
  if (isLabelled(goal)) return 'labels';
  return isPreference(goal) ? 'preference' : 'tokens';
}
