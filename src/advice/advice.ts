/** The contract of advice: a rule looks at a dataset and what is to be done with it, and says what matters, with a fix where there is one. */

import type { EncodedStats } from '../batch/types';
import type { RowFacts } from '../dataset/row-facts';
import type { ColumnRole, DatasetView } from '../dataset/types';
import type { DataStepSettings } from '../recipe/data-steps';
import type { Recipe, SettingPath } from '../recipe/recipe';
import type { AnswerEnd } from '../tokenizer/template-ends';

/** What the data worker counts for advice. */
export interface DataFacts extends RowFacts {
  /** How the model ends its answers; null without a model. */
  readonly answerEnd: AnswerEnd | null;
}

/** All that rules read. */
export interface Situation {
  readonly view: Pick<DatasetView, 'examples' | 'format' | 'columns' | 'rows' | 'task' | 'template'>;
  /** Null while the tokens are not counted. */
  readonly stats: Pick<EncodedStats, 'examples' | 'truncated' | 'histogram' | 'maxLength' | 'tokens' | 'parts' | 'slots'> | null;
  readonly facts: DataFacts;
  readonly recipe: Pick<Recipe, 'objective' | 'sequenceLength' | 'dataSteps' | 'method'>;
  /** The most tokens that the model reads at once; null without a model. */
  readonly context: number | null;
}

/** What a click on a fix changes. */
export type Fix = { readonly title: string } & (
  | { readonly kind: 'step'; readonly step: DataStepSettings }
  | { readonly kind: 'settings'; readonly values: Readonly<Partial<Record<SettingPath, unknown>>> }
  | { readonly kind: 'role'; readonly column: string; readonly role: ColumnRole }
);

export interface Finding {
  /** What was found and why it matters, in sentences. */
  readonly text: string;
  /** What helps; empty where only other data do. */
  readonly fixes: readonly Fix[];
}

/** Null where there is nothing to say. */
export type Rule = (situation: Situation) => Finding | null;

export const shown = (count: number): string => count.toLocaleString('en');

/** `1 row`, `2 rows`. */
export const plural = (count: number, one: string): string => `${shown(count)} ${one}${count === 1 ? '' : 's'}`;

export const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** The examples of a next-token objective are conversations or texts; those of others have labels, numbers or two answers. */
export const learnsText = ({ objective }: Situation['recipe']): boolean =>
  objective.kind === 'sft' || objective.kind === 'distil';
