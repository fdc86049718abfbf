/** Rows with the same value in a column are in the same part: of one user, one document, one conversation. */

import { CodedError } from '../../core/errors';
import type { SplitSettingsOf } from '../../recipe/splits';
import { cellText } from '../table';
import { columnNamed, partCounts, PART, shuffled, type Parts, type SplitKind } from './split';

export const group: SplitKind<SplitSettingsOf<'group'>> = {
  reads(shape, { column: name }) {
    const column = columnNamed(shape, name, 'to keep rows together');
    return ({ cells }) => cellText(cells[column]).trim();
  },

  assign({ count, texts }, { column }, shares) {
    const groups = groupsOf(texts);
    const { test, heldOut } = partCounts(count, shares);
    if (groups.length === 1 && test + heldOut > 0) throw oneGroup(column, texts[0] ?? '');
    const all = Array.from(shuffled(groups.length, shares.seed), (index) => groups[index] ?? []);
    const parts = new Uint8Array(count);
    const left = take(all, test, PART.test, parts);
    take(left, heldOut, PART.heldOut, parts);
    return parts;
  },
};

/** The rows of each value. A row without a value is a group by itself. */
function groupsOf(texts: readonly string[]): number[][] {
  const groups = new Map<string | number, number[]>();
  texts.forEach((text, row) => {
    const key = text === '' ? row : text;
    const found = groups.get(key);
    if (found === undefined) groups.set(key, [row]);
    else found.push(row);
  });
  return [...groups.values()];
}

/**
 * Gives groups to a part that is to have `wanted` rows: in their random order, each that brings the part nearer to it, else the smallest. One
 * group stays. Returns those that are left.
 */
function take(groups: readonly number[][], wanted: number, part: number, parts: Parts): number[][] {
  const left: number[][] = [];
  let size = 0;
  groups.forEach((rows, i) => {
    const stays = left.length === 0 && i === groups.length - 1;
    if (stays || size >= wanted || 2 * size + rows.length > 2 * wanted) {
      left.push(rows);
      return;
    }
    size += rows.length;
    for (const row of rows) parts[row] = part;
  });
  if (size > 0 || wanted === 0 || left.length < 2) return left;
  const smallest = left.reduce((least, rows) => (rows.length < least.length ? rows : least));
  for (const row of smallest) parts[row] = part;
  return left.filter((rows) => rows !== smallest);
}

function oneGroup(column: string, text: string): CodedError {
  const found = `Every row has ${text === '' ? 'an empty cell' : JSON.stringify(text)} in “${column}”, so that no row can be held out`;
  return new CodedError('data/columns', `${found}. Data, Split: choose another column, or another way to split.`);
}
