/** The measure that says in plain words what a run of each objective is good for. Pure. */

import type { EvalRow } from '../../../workers/api';
import type { ObjectiveKind } from '../../recipe/objectives';
import { share } from '../charts/figures';
import type { ReportKey } from '../charts/reports';
import type { Point } from './trend';

/** Metrics of the held-out examples that are told in place of the loss. */
export interface Gauge {
  readonly key: ReportKey;
  /** Whether the value is a share; else it is in a unit of its own. */
  readonly share: boolean;
  readonly better: 'higher' | 'lower';
  /** What the model does with unseen examples at that value. */
  readonly says: (value: string) => string;
  /** What is reached without learning anything, in words; null where that is not known. */
  readonly chance: (newest: EvalRow, labels: readonly string[]) => { readonly value: number; readonly words: string } | null;
}

const noChance: Gauge['chance'] = () => null;

const PREFERENCE: Gauge = {
  key: 'rewards/accuracies',
  share: true,
  better: 'higher',
  says: (value) => `Prefers the better answer in ${value} of the unseen pairs`,
  chance: () => ({ value: 0.5, words: 'no better than a coin flip' }),
};

const REWARD: Gauge = {
  key: 'reward',
  share: false,
  better: 'higher',
  says: (value) => `Gets a mean reward of ${value} for unseen prompts`,
  chance: noChance,
};

/** Null: the loss is told. */
export const GAUGES: Readonly<Record<ObjectiveKind, Gauge | null>> = {
  sft: null,
  distil: null,
  dpo: PREFERENCE,
  ipo: PREFERENCE,
  simpo: PREFERENCE,
  orpo: PREFERENCE,
  kto: null,
  reward: { ...PREFERENCE, key: 'accuracy', says: (value) => `Scores the better answer higher in ${value} of the unseen pairs` },
  grpo: REWARD,
  ppo: REWARD,
  classify: {
    key: 'accuracy',
    share: true,
    better: 'higher',
    says: (value) => `Gets ${value} of the unseen examples right`,
    chance: largestCategory,
  },
  'multi-label': {
    key: 'microF1',
    share: true,
    better: 'higher',
    says: (value) => `Finds the labels of unseen examples with a score of ${value} (micro F1)`,
    chance: noChance,
  },
  regress: {
    key: 'rmse',
    share: false,
    better: 'lower',
    says: (value) => `Is off by ${value} on unseen examples (RMSE)`,
    chance: noChance,
  },
};

/** Rows of the confusion matrix are true categories. */
function largestCategory({ confusion }: EvalRow, labels: readonly string[]): ReturnType<Gauge['chance']> {
  if (confusion === undefined || labels.length === 0) return null;
  const sums = labels.map((_, i) => sum(confusion.slice(i * labels.length, (i + 1) * labels.length)));
  const most = Math.max(...sums);
  const value = most / Math.max(1, sum(sums));
  const words = `no better than always answering “${labels[sums.indexOf(most)] ?? ''}” (${share(value)})`;
  return { value, words };
}

/** The measurements of a metric that is finite. */
export function pointsOf(evals: readonly EvalRow[], key: ReportKey | null): readonly Point[] {
  const all = evals.map((row) => ({ step: row.step, value: key === null ? row.loss : (row.metrics?.[key] ?? NaN) }));
  return all.filter(({ value }) => Number.isFinite(value));
}

/**
 * The smallest difference of a share that means something: its standard error over the held-out examples (√(p(1 − p)/n)), at least one
 * point; two points where their number is not known.
 */
export function leastOf(value: number, confusion: readonly number[] | undefined): number {
  const examples = sum(confusion ?? []);
  return examples === 0 ? 0.02 : Math.max(0.01, Math.sqrt((value * (1 - value)) / examples));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
