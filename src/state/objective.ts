/** What the page needs to know of a recipe's objective: the objectives that it offers, and the data that each learns from. Pure. */

import type { DatasetEncoding, DatasetView, DataTask, EncodedStats } from '../../workers/api';
import { OBJECTIVE_SCHEMAS, type ObjectiveKind } from '../recipe/objectives';

/** The objectives that the page can train and use. */
export const OFFERED = [
  'sft',
  'distil',
  'dpo',
  'ipo',
  'classify',
  'multi-label',
  'regress',
] as const satisfies readonly ObjectiveKind[];

/** Those that may be chosen for texts, in the order of the form; the preferences only for pairs. The task of the data chooses the others. */
export const OF_TEXTS = ['sft', 'dpo', 'ipo', 'distil'] as const satisfies readonly ObjectiveKind[];

/** What a dataset is encoded for; null: next-token prediction. */
const ENCODINGS: Readonly<Record<ObjectiveKind, DatasetEncoding | null>> = {
  sft: null,
  classify: { kind: 'labelled', labels: 'one' },
  'multi-label': { kind: 'labelled', labels: 'several' },
  regress: { kind: 'labelled', labels: 'numbers' },
  dpo: { kind: 'pair' },
  ipo: { kind: 'pair' },
  distil: null,
};

const OBJECTIVES: Readonly<Record<DataTask, ObjectiveKind>> = {
  text: 'sft',
  preference: 'sft',
  categories: 'classify',
  labels: 'multi-label',
  number: 'regress',
};

export function encodingOf(kind: ObjectiveKind): DatasetEncoding | null {
  return ENCODINGS[kind];
}

/** The objective learns which of two answers is preferred. */
export function isPreference(kind: ObjectiveKind): boolean {
  return ENCODINGS[kind]?.kind === 'pair';
}

export function isOffered(kind: ObjectiveKind): kind is (typeof OFFERED)[number] {
  return OFFERED.some((one) => one === kind);
}

/** The objective learns from a second model. */
export function needsTeacher(kind: ObjectiveKind): boolean {
  return kind === 'distil';
}

/** The objective predicts classes, labels or numbers. */
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

/** Whether the statistics are those of a dataset that was encoded for the objective: they are counted again when it changes. */
export function isCountedFor(kind: ObjectiveKind, { slots }: Pick<EncodedStats, 'slots'>): boolean {
  return slots?.layout.kind === ENCODINGS[kind]?.kind;
}

/** The tasks that a dataset with this guess may be used for: to predict its labels, or to write its texts. */
export function tasksOf({ task }: Pick<DatasetView, 'task'>): readonly DataTask[] {
  return isLabelled(objectiveFor(task.task)) ? [task.task, 'text'] : ['text'];
}

/** The objective of a task; a preference begins as next-token prediction on the preferred answers. */
export function objectiveFor(task: DataTask): ObjectiveKind {
  return OBJECTIVES[task];
}

/** Why a run with this objective and these data can't start, or null. */
export function objectiveBlocker(kind: ObjectiveKind, view: Pick<DatasetView, 'format' | 'columns' | 'task'>): string | null {
  if (!isOffered(kind))
    return `This page can’t use models trained with the objective “${kind}” yet: choose another one in the Recipe stage.`;
  if (isLabelled(kind) && !tasksOf(view).some((task) => objectiveFor(task) === kind))
    return `The objective “${kind}” does not suit these data. Choose what to learn in the Data stage.`;
  if (!isPreference(kind) || hasPairs(view)) return null;
  return `The objective “${kind}” needs a preferred and a rejected answer for each prompt, which the dataset does not have: see the Recipe stage.`;
}
