/** What the page needs to know of a recipe's objective: the objectives that it offers, and the data that each learns from. Pure. */

import type { DatasetEncoding, DatasetView, EncodedStats } from '../../workers/api';
import { OBJECTIVE_SCHEMAS, type ObjectiveKind } from '../recipe/objectives';
import { taskOf } from '../recipe/tasks';

/** What a dataset is encoded for, in the order of the form; null: next-token prediction. */
const ENCODINGS: Readonly<Record<ObjectiveKind, DatasetEncoding | null>> = {
  sft: null,
  classify: { kind: 'labelled', labels: 'one' },
  'multi-label': { kind: 'labelled', labels: 'several' },
  regress: { kind: 'labelled', labels: 'numbers' },
  dpo: { kind: 'pair' },
  ipo: { kind: 'pair' },
  simpo: { kind: 'pair' },
  orpo: { kind: 'pair' },
  kto: { kind: 'rated' },
  reward: { kind: 'pair', margins: true },
  distil: null,
  grpo: null,
  ppo: null,
};

/** The objectives that may be chosen for texts, for pairs of answers and for rated ones. The task of the data chooses the others. */
export const OF_TEXTS: readonly ObjectiveKind[] = Object.keys(ENCODINGS)
  .filter(isObjectiveKind)
  .filter((kind) => !isLabelled(kind));

export function encodingOf(kind: ObjectiveKind): DatasetEncoding | null {
  return ENCODINGS[kind];
}

/** The objective learns which of two answers is preferred. */
export function isPreference(kind: ObjectiveKind): boolean {
  return ENCODINGS[kind]?.kind === 'pair';
}

/** The objective learns from answers that are rated as good or bad. */
export function isRated(kind: ObjectiveKind): boolean {
  return ENCODINGS[kind]?.kind === 'rated';
}

/** The runs of the objective predict something about a text, and write none. */
export function predicts(kind: ObjectiveKind): boolean {
  return taskOf({ kind }) !== null;
}

/** The runs of the objective score answers. */
export function scores(kind: ObjectiveKind): boolean {
  return taskOf({ kind }) === 'score';
}

/** The objective learns classes, labels or numbers. */
export function isLabelled(kind: ObjectiveKind): boolean {
  return ENCODINGS[kind]?.kind === 'labelled';
}

export function isObjectiveKind(kind: unknown): kind is ObjectiveKind {
  return typeof kind === 'string' && Object.hasOwn(OBJECTIVE_SCHEMAS, kind);
}

/** The dataset has pairs of a preferred and a rejected answer. */
export function hasPairs({ format, columns }: Pick<DatasetView, 'format' | 'columns'>): boolean {
  return format === 'preference' && columns.some(({ role }) => role === 'rejected');
}

/** The dataset has answers that are rated as good or bad. */
export function hasRatings({ format, columns }: Pick<DatasetView, 'format' | 'columns'>): boolean {
  return format === 'preference' && !hasPairs({ format, columns }) && columns.some(({ role }) => role === 'label');
}

/** Whether the statistics are those of a dataset that was encoded for the objective: they are counted again when it changes. */
export function isCountedFor(kind: ObjectiveKind, { slots }: Pick<EncodedStats, 'slots'>): boolean {
  return slots?.layout.kind === ENCODINGS[kind]?.kind;
}
