/** Rows for tests of data steps, and what a step makes of them. */

import { applySteps } from '../../src/dataset/steps';
import { allRows, listOfRows, SAMPLE, type Row, type Table } from '../../src/dataset/table';
import { NO_PROBLEMS } from '../../src/dataset/problems';
import type { Format, Mapping } from '../../src/dataset/types';
import type { DataStepSettings } from '../../src/recipe/data-steps';

export const mappingOf = (format: Format, ...roles: Mapping['roles']): Mapping => ({ format, roles });
export const LABELLED = mappingOf('text-label', 'text', 'label');
export const ANSWERED = mappingOf('prompt-completion', 'user', 'assistant');

/** Rows of lines 1, 2, …. */
export function tableOf(cells: readonly (readonly unknown[])[]): Table {
  const rows = cells.map((row, index): Row => ({ line: index + 1, cells: row }));
  const columns = ['a', 'b', 'c'];
  return {
    kind: 'csv',
    columns,
    rows: listOfRows(rows),
    sample: rows.slice(0, SAMPLE),
    problems: NO_PROBLEMS,
    notes: [],
    headerless: false,
  };
}

/** What one step makes of rows: their cells, and how many it changed and dropped. */
export async function apply(settings: DataStepSettings, mapping: Mapping, ...cells: readonly (readonly unknown[])[]) {
  const { table, applied } = await applySteps(tableOf(cells), mapping, [settings], 0);
  const [step] = applied;
  if (step === undefined) throw new Error('No step was applied.');
  const rows = await allRows(table.rows);
  return { ...step, dropped: step.dropped.first, cells: rows.map((row) => row.cells), lines: rows.map(({ line }) => line) };
}
