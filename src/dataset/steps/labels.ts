/** Which columns of rows have labels. */

import { repeatedLabels } from '../task';
import { cellText, isFilled } from '../table';
import { spellingKey } from '../text';
import { columnsWith, type Rows } from './step';

/** Rows that are read to tell labels from answers. */
const SAMPLE = 2000;

/**
 * Columns whose role is the label, and answers that are labels: a few short values that repeat in any spelling. None in preference data,
 * where a label says which answer is preferred.
 */
export function labelColumns(rows: Rows): number[] {
  if (rows.format === 'preference') return [];
  const answers = columnsWith(rows, 'assistant').filter((column) => repeats(rows, column));
  return [...columnsWith(rows, 'label'), ...answers];
}

function repeats({ rows }: Rows, column: number): boolean {
  const filled = rows.slice(0, SAMPLE).filter(({ cells }) => isFilled(cells[column]));
  return repeatedLabels(filled.map(({ cells }) => spellingKey(cellText(cells[column])))) !== null;
}
