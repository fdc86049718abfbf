/** Which columns of rows have labels. */

import { repeatedLabels } from '../task';
import { cellText, isFilled, type Row } from '../table';
import { spellingKey } from '../text';
import { columnsWith, lacksText, type Shape } from './step';

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

/** Reads the label of a row in a form that spellings share; null where the row has none or can't be used, and where several columns have labels. */
export function labelReader(shape: Shape): (row: Row) => string | null {
  const [column, ...others] = labelColumns(shape);
  const lacks = lacksText(shape);
  if (column === undefined || others.length > 0) return () => null;
  return (row) => (lacks(row) || !isFilled(row.cells[column]) ? null : spellingKey(cellText(row.cells[column])));
}
