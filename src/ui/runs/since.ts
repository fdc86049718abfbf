/** What Start would do differently from the last run, in a few words each. Pure. */

import type { RunView } from '../../../workers/api';
import type { StageId } from '../../state/app.svelte';
import { NONE, settingRows } from './diff';
import { settingText } from './rows';

/** What a run is made from. */
export type Ingredients = Pick<RunView, 'modelName' | 'datasetName' | 'recipe'>;

export interface Difference {
  /** Such as `Rank 4 → 8`. */
  readonly text: string;
  /** Where it is chosen. */
  readonly stage: StageId;
}

/** The differences of the next run from the last one: model, data, and the settings that both have, in the order of the form. */
export function sinceLast(last: Ingredients, next: Ingredients): readonly Difference[] {
  const chosen: readonly (readonly [string, StageId, string, string])[] = [
    ['Model', 'model', last.modelName, next.modelName],
    ['Data', 'data', last.datasetName, next.datasetName],
  ];
  const settings = settingRows([last.recipe, next.recipe]).filter(({ values }) => !values.includes(NONE));
  return [
    ...chosen
      .filter(([, , before, after]) => before !== after)
      .map(([label, stage, ...values]) => difference(label, stage, values)),
    ...settings.map(({ name, values }) => difference(name, 'recipe', values)),
  ];
}

function difference(label: string, stage: StageId, values: readonly string[]): Difference {
  return { text: settingText({ label, value: values.join(' → ') }), stage };
}

/** The first difference, and how many more there are; that there is none. */
export function sinceWords([first, ...more]: readonly Difference[]): string {
  if (first === undefined) return 'Same choices as in the last run';
  return `Since the last run: ${first.text}${more.length === 0 ? '' : ` and ${more.length} more`}`;
}
