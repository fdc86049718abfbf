/** Which labels a row has. */

import { taskOf, type Dataset } from '../dataset';
import { severalLabels } from '../labelled';
import { cellText, type Row } from '../table';
import type { Mapping } from '../types';

/** Reads the labels of rows. */
export interface LabelReader {
  /** Their columns by position. */
  readonly columns: readonly number[];
  /** A row may have more than one. */
  readonly several: boolean;
  /** None for a row whose label is empty, or can't be read. */
  read(row: Row): readonly string[];
}

/** What the rows of a dataset are sorted into; null where they have no labels. A few whole numbers count as labels. */
export function labelReader(dataset: Dataset): LabelReader | null {
  const mapping = labelMapping(dataset);
  const columns = mapping === null ? [] : labelColumns(mapping.mapping);
  const [only] = columns;
  if (mapping === null || only === undefined) return null;
  if (!mapping.several) return { columns, several: false, read: ({ cells }) => filled(cellText(cells[only])) };
  const { columns: names } = dataset.table;
  return {
    columns,
    several: true,
    read: ({ cells }) => {
      const labels = severalLabels(columns.map((column) => ({ cell: cells[column], name: names[column] ?? '' })));
      return typeof labels === 'string' ? [] : labels;
    },
  };
}

const filled = (text: string): string[] => (text.trim() === '' ? [] : [text.trim()]);

function labelMapping(dataset: Dataset): { readonly mapping: Mapping; readonly several: boolean } | null {
  const { mapping } = dataset;
  // Answers that are marked as desirable or not.
  if (mapping.format === 'preference') return { mapping, several: false };
  const guess = taskOf(dataset);
  if (guess.task === 'labels') return { mapping: guess.mapping, several: true };
  const categories = guess.task === 'categories' || guess.also.includes('categories');
  return categories ? { mapping: guess.mapping, several: false } : null;
}

const labelColumns = ({ roles }: Mapping): number[] => [...roles.keys()].filter((column) => roles[column] === 'label');
