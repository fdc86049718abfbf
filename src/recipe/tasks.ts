/** What a classifier or regressor of sequences can predict. src/task has a row for each. */

import type { ObjectiveKind } from './objectives';

/** One of several classes, any number of labels, numbers, or how good an answer is. */
export type TaskKind = 'class' | 'labels' | 'numbers' | 'score';

const TASK_OF: Readonly<Record<ObjectiveKind, TaskKind | null>> = {
  sft: null,
  classify: 'class',
  'multi-label': 'labels',
  regress: 'numbers',
  dpo: null,
  ipo: null,
  simpo: null,
  orpo: null,
  kto: null,
  reward: 'score',
  distil: null,
  grpo: null,
  ppo: null,
};

/** What the runs of an objective predict about a sequence, with new layers on top of the model; null: they predict tokens. */
export function taskOf({ kind }: { readonly kind: ObjectiveKind }): TaskKind | null {
  return TASK_OF[kind];
}
