/** Which columns of rows have labels. */

import { repeatedLabels } from '../task';
import { cellText, isFilled } from '../table';
import { spellingKey } from '../text';
import { columnsWith, type Shape } from './step';

/**
 * Columns whose role is the label, and answers that are labels: a few short values that repeat in any spelling. None in preference data,
 * where a label says which answer is preferred.
 */
export function labelColumns(shape: Shape): number[] {
  if (shape.format === 'preference') return [];
  const answers = columnsWith(shape, 'assistant').filter((column) => repeats(shape, column));
  return [...columnsWith(shape, 'label'), ...answers];
}

function repeats({ sample }: Shape, column: number): boolean {
  const filled = sample.filter(({ cells }) => isFilled(cells[column]));
  return repeatedLabels(filled.map(({ cells }) => spellingKey(cellText(cells[column])))) !== null;
}
