/** What may judge a run while it trains: the held-out loss, or a figure that the measurements of its objective report beside it. */

import { metricKinds, type MetricKind } from './metrics';
import type { ObjectiveKind } from './objectives';
import { taskOf, type TaskKind } from './tasks';

/** Figures of objectives that have no metric: those of preferences under TRL's names, and both parts of the loss of distillation. */
export const REPORTED = [
  ...(['rewards/accuracies', 'rewards/margins', 'nll_loss', 'margin'] as const),
  ...(['distil/kl', 'distil/cross_entropy'] as const),
] as const;

export type Reported = (typeof REPORTED)[number];

export type Monitor = 'loss' | MetricKind | Reported;

const { classes, labels, numbers } = metricKinds;

/** Every measure that a recipe may name. */
export const MONITORS: readonly Monitor[] = [...new Set<Monitor>(['loss', ...classes, ...labels, ...numbers, ...REPORTED])];

const METRICS_OF: Readonly<Record<TaskKind, readonly MetricKind[]>> = { class: classes, labels, numbers, score: ['accuracy'] };

const PREFERENCE = ['rewards/accuracies', 'rewards/margins'] as const;

/** Of objectives that report some. */
const FIGURES_OF: { readonly [K in ObjectiveKind]?: readonly Reported[] } = {
  dpo: PREFERENCE,
  ipo: PREFERENCE,
  simpo: PREFERENCE,
  orpo: [...PREFERENCE, 'nll_loss'],
  // Its divergence from the base is least before training, and judges nothing.
  kto: ['rewards/margins'],
  reward: ['margin'],
  distil: ['distil/kl', 'distil/cross_entropy'],
};

/** The measures that the held-out measurements of an objective have, the loss first. */
export function monitorsOf(kind: ObjectiveKind): readonly Monitor[] {
  const task = taskOf({ kind });
  return ['loss', ...(task === null ? [] : METRICS_OF[task]), ...(FIGURES_OF[kind] ?? [])];
}

/** Steps of a run that is too short to end early: the rest of it takes no time. */
const SHORT = 30;

/** Whether the measurements of a run of so many steps may end it before its last step; see src/train/stopping.ts. */
export function mayEndEarly({ patience }: { readonly patience: number }, totalSteps: number): boolean {
  return patience > 0 && totalSteps >= SHORT;
}

/** Whether the measurements of an objective have the measure. */
export function isMonitored(kind: ObjectiveKind, monitor: unknown): monitor is Monitor {
  return monitorsOf(kind).some((one) => one === monitor);
}
