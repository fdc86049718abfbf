/** What is usual for a method and an objective: the learning rate, and the recipe that a run with both begins with. Pure. */

import { defaultMethod, isMethodKind, NAMED_METHODS, type MethodKind, type MethodName } from './methods';
import { isFields, type Fields } from './migrations';
import { defaultObjective, OBJECTIVE_SCHEMAS, type ObjectiveKind } from './objectives';
import { defaultRecipe, type Recipe } from './recipe';

/** Objectives that are trained alike. */
type Group = 'tokens' | 'preference' | 'scores' | 'labels';

const GROUPS: Readonly<Record<ObjectiveKind, Group>> = {
  sft: 'tokens',
  distil: 'tokens',
  classify: 'labels',
  'multi-label': 'labels',
  regress: 'labels',
  dpo: 'preference',
  ipo: 'preference',
  simpo: 'preference',
  orpo: 'preference',
  reward: 'scores',
};

/**
 * Usual learning rates. Preference objectives and reward models: TRL's defaults of 1e-6 and 1e-4 for full fine-tuning, and ten times as
 * much for LoRA. Labels: those with which the starter encoder was evaluated. IA³: that of its paper for texts, and for the others in the
 * same proportion to LoRA's.
 */
const RATES: Readonly<Record<Group, Readonly<Record<MethodKind, number>>>> = {
  tokens: { lora: 2e-4, ia3: 3e-3, full: 2e-5 },
  preference: { lora: 1e-5, ia3: 1e-4, full: 1e-6 },
  scores: { lora: 1e-3, ia3: 1e-2, full: 1e-4 },
  labels: { lora: 2e-3, ia3: 1e-2, full: 5e-4 },
};

/** The kinds of method and objective of a recipe. */
export interface Job {
  readonly method: MethodKind;
  readonly objective: ObjectiveKind;
}

/** The kinds of a draft, valid or not; null while its method or objective is none. */
export function jobOf({ method, objective }: Fields): Job | null {
  const [by, goal] = [isFields(method) ? method['kind'] : null, isFields(objective) ? objective['kind'] : null];
  return isMethodKind(by) && isObjective(goal) ? { method: by, objective: goal } : null;
}

function isObjective(kind: unknown): kind is ObjectiveKind {
  return typeof kind === 'string' && Object.hasOwn(OBJECTIVE_SCHEMAS, kind);
}

/** The usual learning rate. */
export function usualRate({ method, objective }: Job): number {
  return RATES[GROUPS[objective]][method];
}

/** The objective learns from pairs of answers. */
export function comparesAnswers(objective: ObjectiveKind): boolean {
  return GROUPS[objective] === 'preference' || GROUPS[objective] === 'scores';
}

/** The recipe of a method and an objective with every other setting as usual. */
export function usualRecipe(name: MethodName, objective: ObjectiveKind): Recipe {
  const rate = usualRate({ method: NAMED_METHODS[name].kind, objective });
  return { ...defaultRecipe(), method: defaultMethod(name), objective: defaultObjective(objective), learningRate: rate };
}
