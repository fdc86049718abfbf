/** Statistics of columns for the page. */

import { cellText, type Table } from './table';
import { shorten } from './text';
import type { ColumnRole, ColumnView } from './types';

const MAX_DISTINCT = 1000;

/** Statistics of each column over all rows. */
export function viewColumns(table: Table, roles: readonly ColumnRole[]): ColumnView[] {
  return table.columns.map((name, column) => viewColumn(table, name, column, roles[column] ?? 'ignore'));
}

function viewColumn(table: Table, name: string, column: number, role: ColumnRole): ColumnView {
  const distinct = new Set<string>();
  const samples: string[] = [];
  let filled = 0;
  let total = 0;
  let maxLength = 0;
  for (const row of table.rows) {
    const text = cellText(row.cells[column]);
    if (text.trim() === '') continue;
    filled++;
    total += text.length;
    maxLength = Math.max(maxLength, text.length);
    if (samples.length < 3) samples.push(shorten(text));
    if (distinct.size < MAX_DISTINCT) distinct.add(text);
  }
  return { name, role, filled, distinct: distinct.size, meanLength: filled === 0 ? 0 : total / filled, maxLength, samples };
}
