/** What is usual for a method and an objective: the learning rate, and the recipe that a run with both begins with. Pure. */

import { defaultMethod, isMethodKind, NAMED_METHODS, type MethodKind, type MethodName } from './methods';
import { isFields, type Fields } from './migrations';
import { defaultObjective, OBJECTIVE_SCHEMAS, type ObjectiveKind } from './objectives';
import { defaultRecipe, type Recipe } from './recipe';

/** Objectives that are trained alike. */
type Group = 'tokens' | 'preference' | 'ratings' | 'scores' | 'labels' | 'answers';

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
  kto: 'ratings',
  reward: 'scores',
  grpo: 'answers',
  ppo: 'answers',
};

/**
 * Usual learning rates. Preference objectives, GRPO and reward models: TRL's defaults of 1e-6, 1e-6 and 1e-4 for full fine-tuning, and ten times as
 * much for LoRA; PPO's are GRPO's. Labels: those with which the starter encoder was evaluated. IA³: that of its paper for texts, and for the others in the
 * same proportion to LoRA's. Bottleneck adapters: for texts five times LoRA's, with which the starter learns the samples; for labels and
 * scores LoRA's. Prompts: of PEFT's guides for texts, and for the others in the same proportion.
 */
const RATES: Readonly<Record<Group, Readonly<Record<MethodKind, number>>>> = {
  tokens: { lora: 2e-4, ia3: 3e-3, bottleneck: 1e-3, prompt: 3e-2, 'p-tuning': 1e-3, prefix: 1e-2, full: 2e-5 },
  preference: { lora: 1e-5, ia3: 1e-4, bottleneck: 5e-5, prompt: 1e-3, 'p-tuning': 1e-4, prefix: 1e-3, full: 1e-6 },
  ratings: { lora: 1e-5, ia3: 1e-4, bottleneck: 5e-5, prompt: 1e-3, 'p-tuning': 1e-4, prefix: 1e-3, full: 1e-6 },
  scores: { lora: 1e-3, ia3: 1e-2, bottleneck: 1e-3, prompt: 1e-1, 'p-tuning': 1e-3, prefix: 1e-2, full: 1e-4 },
  labels: { lora: 2e-3, ia3: 1e-2, bottleneck: 2e-3, prompt: 1e-1, 'p-tuning': 1e-3, prefix: 1e-2, full: 5e-4 },
  answers: { lora: 1e-5, ia3: 1e-4, bottleneck: 5e-5, prompt: 1e-3, 'p-tuning': 1e-4, prefix: 1e-3, full: 1e-6 },
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

/**
 * Usual rows of a batch. A row is filled with examples. Labels: about the 16 short texts per step with which the starter encoder was
 * evaluated; with the few of one row the rate for labels overshoots, and a classifier may end with the most frequent label for every text.
 * Ratings: two, so that a batch has two answers or more, which its estimate of the divergence needs.
 */
const ROWS: Readonly<Record<Group, number>> = { tokens: 1, preference: 1, ratings: 2, scores: 1, answers: 1, labels: 4 };

/** The settings whose usual value depends on method and objective. */
export type UsualValues = Pick<Recipe, 'learningRate' | 'microBatch'>;

export function usualValues({ method, objective }: Job): UsualValues {
  const group = GROUPS[objective];
  return { learningRate: RATES[group][method], microBatch: ROWS[group] };
}

/** The usual learning rate. */
export function usualRate(job: Job): number {
  return usualValues(job).learningRate;
}

const OF_ANSWERS: ReadonlySet<Group> = new Set(['preference', 'ratings', 'scores']);

/** The objective learns which answers are better: from pairs of them, or from their ratings. */
export function comparesAnswers(objective: ObjectiveKind): boolean {
  return OF_ANSWERS.has(GROUPS[objective]);
}

/** The usual values that a draft takes over when its method or objective changes: of the settings that had the usual value before. */
export function usualMoves(before: Fields, after: Fields): Partial<UsualValues> {
  const [old, next] = [jobOf(before), jobOf(after)];
  if (old === null || next === null) return {};
  const [left, taken] = [usualValues(old), usualValues(next)];
  const moves = (Object.keys(taken) as (keyof UsualValues)[]).filter(
    (setting) => left[setting] !== taken[setting] && before[setting] === left[setting],
  );
  return Object.fromEntries(moves.map((setting) => [setting, taken[setting]]));
}

/** The recipe of a method and an objective with every other setting as usual. */
export function usualRecipe(name: MethodName, objective: ObjectiveKind): Recipe {
  const usual = usualValues({ method: NAMED_METHODS[name].kind, objective });
  return { ...defaultRecipe(), method: defaultMethod(name), objective: defaultObjective(objective), ...usual };
}
