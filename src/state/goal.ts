/** What a model should learn from a dataset: the goals that the data can serve, and the objective and mapping of each. Pure. */

import type { DatasetView, DataTask, Mapping } from '../../workers/api';
import type { ObjectiveKind } from '../recipe/objectives';
import type { Blocker } from './blocker';
import { hasPairs, hasRatings, isLabelled, isObjectiveKind, isPreference, isRated } from './objective';
import type { Place } from './place';

/** A task of the data; of texts, to write answers (`text`) or to continue them. */
export type Goal = DataTask | 'continue';

/** What goals depend on. */
type Usable = Pick<DatasetView, 'format' | 'columns' | 'task'>;

const OBJECTIVES: Readonly<Record<Goal, ObjectiveKind>> = {
  text: 'sft',
  continue: 'sft',
  preference: 'dpo',
  ratings: 'kto',
  categories: 'classify',
  labels: 'multi-label',
  number: 'regress',
};

const GOALS = Object.keys(OBJECTIVES) as readonly Goal[];

export function isGoal(value: unknown): value is Goal {
  return GOALS.some((goal) => goal === value);
}

/** The objective that a goal begins with. */
export function objectiveFor(goal: Goal): ObjectiveKind {
  return OBJECTIVES[goal];
}

/** What a run with an objective learns from the dataset as it is mapped. */
export function goalOf(kind: ObjectiveKind, { format }: Pick<Usable, 'format'>): Goal {
  if (isPreference(kind)) return 'preference';
  if (isRated(kind)) return 'ratings';
  const predicted = GOALS.find((goal) => OBJECTIVES[goal] === kind && isLabelled(kind));
  return predicted ?? (format === 'text' ? 'continue' : 'text');
}

/** What to learn if nobody chooses: the task of the data; of pairs or rated answers first to write the preferred ones. */
export function guessOf({ task: { task }, format }: Usable): Goal {
  return isLabelled(OBJECTIVES[task]) ? task : format === 'text' ? 'continue' : 'text';
}

/** The goals to choose between, the guess first. */
export function goalsOf(view: Usable): readonly Goal[] {
  const predicted = predictedOf(view);
  if (predicted.length > 0) return [...predicted, 'text', 'continue'];
  if (hasPairs(view)) return ['text', 'preference'];
  return hasRatings(view) ? ['text', 'ratings'] : [guessOf(view)];
}

/** The tasks of the guess that predict a label or a number; none when the guess is a text. */
function predictedOf({ task: { task, also } }: Usable): readonly DataTask[] {
  return [task, ...also].filter((one) => isLabelled(OBJECTIVES[one]));
}

/** Why the data can't serve a goal, in a sentence; null when they can. */
export function whyNot(goal: Goal, view: Usable): string | null {
  const predicted = predictedOf(view);
  if (isLabelled(OBJECTIVES[goal])) return predicted.some((one) => one === goal) ? null : view.task.reason;
  if (goal === 'preference') return hasPairs(view) ? null : 'There is no column with rejected answers.';
  if (goal === 'ratings') return hasRatings(view) ? null : 'There is no column that tells good answers from bad ones.';
  if (predicted.length > 0) return null;
  if (goal === 'text') return view.format === 'text' ? 'The rows are texts without answers.' : null;
  return view.format !== 'text' && plainTexts(view) === null ? 'The rows have questions and answers, not one text each.' : null;
}

/** Examples of the dataset for an objective: next-token prediction has no use for bad answers. */
export function usedExamples(kind: unknown, view: Usable & Pick<DatasetView, 'examples' | 'rows' | 'leftOut'>): number {
  const rated = isObjectiveKind(kind) && isRated(kind) && hasRatings(view);
  return rated ? view.rows - view.leftOut : view.examples;
}

/** The mapping that a goal needs; null when the present one serves. The data must be able to serve the goal. */
export function mappingFor(goal: Goal, view: Usable): Mapping | null {
  const { format, task } = view;
  if (isLabelled(OBJECTIVES[goal])) return isMapped(view, task.mapping) ? null : task.mapping;
  if (goal === 'text' && format === 'text') return task.mapping;
  return goal === 'continue' && format !== 'text' ? plainTexts(view) : null;
}

/** One text for each row, without its label; null when no column has that text. */
function plainTexts(view: Usable): Mapping | null {
  const roles = predictedOf(view).length > 0 ? view.task.mapping.roles : view.columns.map(({ role }) => role);
  if (!roles.includes('text')) return null;
  return { format: 'text', roles: roles.map((role) => (role === 'text' ? role : 'ignore')) };
}

function isMapped({ format, columns }: Usable, mapping: Mapping): boolean {
  return format === mapping.format && columns.every(({ role }, i) => role === mapping.roles[i]);
}

/** Why a run with this objective and these data can't start, and the place to change that; or null. */
export function objectiveBlocker(kind: ObjectiveKind, view: Usable): Blocker | null {
  if (isLabelled(kind) && (whyNot(goalOf(kind, view), view) !== null || !hasTarget(view)))
    return {
      reason: 'The recipe predicts labels or numbers, which these data do not have. Choose what to learn.',
      place: IN_DATA,
    };
  const missing = missingFor(kind, view);
  return missing === null
    ? null
    : { reason: `The recipe learns from ${missing}, which these data do not have.`, place: IN_RECIPE };
}

/** What an objective of answers learns from and the data lack; or null. */
function missingFor(kind: ObjectiveKind, view: Usable): string | null {
  if (isRated(kind) && !hasRatings(view)) return 'answers that are rated as good or bad';
  return isPreference(kind) && !hasPairs(view) ? 'a preferred and a rejected answer for each question' : null;
}

const IN_DATA: Place = { view: 'data', tab: null, options: {} };
const IN_RECIPE: Place = { view: 'recipe', tab: 'objective', options: {} };

function hasTarget({ columns }: Pick<Usable, 'columns'>): boolean {
  return columns.some(({ role }) => role === 'label' || role === 'assistant');
}
