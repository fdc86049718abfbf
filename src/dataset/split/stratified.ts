/** Every part has each label, or each value of a column, in about the same share. */

import { CodedError } from '../../core/errors';
import type { SplitSettingsOf } from '../../recipe/splits';
import { severalLabels } from '../labelled';
import { labelColumns } from '../steps/labels';
import { cellText, type Row } from '../table';
import { columnNamed, heldOutCount, PART, shuffled, type SplitKind, type SplitShape } from './split';

/** A row's text is its values as a JSON list. */
export const stratified: SplitKind<SplitSettingsOf<'stratified'>> = {
  reads(shape, { column: name }) {
    if (name === '') return labelReader(shape);
    const column = columnNamed(shape, name, 'to balance the parts');
    return ({ cells }) => JSON.stringify([cellText(cells[column]).trim()]);
  },

  assign({ count, texts }, _, { heldOutRatio, testRatio, seed }) {
    const strata = strataOf(texts, shuffled(count, seed));
    const sizes = strata.map((rows) => rows.length);
    if (count > 1 && sizes.every((size) => size === 1)) throw allDifferent(count);
    const test = seatsOf(sizes, testRatio);
    const heldOut = seatsOf(sizes, heldOutRatio, test);
    const parts = new Uint8Array(count);
    strata.forEach((rows, i) => {
      const [first = 0, second = 0] = [test[i], heldOut[i]];
      rows.slice(0, first + second).forEach((row, at) => (parts[row] = at < first ? PART.test : PART.heldOut));
    });
    return parts;
  },
};

/** Reads the labels. Throws data/columns for data without any, and for numbers. */
function labelReader(shape: SplitShape): (row: Row) => string {
  const columns = labelColumns(shape);
  if (columns.length === 0) throw unbalanced('The data have no labels');
  if (shape.labels === 'numbers') throw unbalanced('The labels are numbers, which have no shares');
  return ({ cells }) => {
    const named = columns.map((column) => ({ cell: cells[column], name: shape.columns[column] ?? '' }));
    const several = shape.labels === 'several' ? severalLabels(named) : null;
    return JSON.stringify(Array.isArray(several) ? several.sort() : named.map(({ cell }) => cellText(cell).trim()));
  };
}

function unbalanced(found: string): CodedError {
  return new CodedError(
    'data/columns',
    `${found}, so that parts can't be balanced by label. Data, Split: choose a column to balance by, or “At random”.`,
  );
}

/**
 * The rows of each value, in the order of `order`. A row with several values counts as one of the rarest of them, as in iterative
 * stratification (Sechidis, Tsoumakas and Vlahavas, 2011), so that rare labels are shared out first.
 */
export function strataOf(texts: readonly string[], order: ArrayLike<number>): readonly (readonly number[])[] {
  const lists = new Map([...new Set(texts)].map((text) => [text, valuesOf(text)]));
  const counts = new Map<string, number>();
  for (const text of texts) for (const value of lists.get(text) ?? []) counts.set(value, (counts.get(value) ?? 0) + 1);
  const rarest = new Map(
    [...lists].map(([text, values]) => [text, values.toSorted((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0))[0] ?? '']),
  );
  const strata = new Map<string, number[]>();
  for (const text of texts) strata.set(rarest.get(text) ?? '', []);
  for (const row of Array.from(order)) strata.get(rarest.get(texts[row] ?? '') ?? '')?.push(row);
  return [...strata.values()];
}

/** The values of a row's text. */
export function valuesOf(text: string): readonly string[] {
  return JSON.parse(text) as readonly string[];
}

/**
 * How many rows of each stratum a part gets: the share of it, rounded so that the part has its size (largest remainders), and at least one.
 * One row stays for training beside those of the `taken` part. Within one row of the exact share unless too few rows are left.
 */
function seatsOf(sizes: readonly number[], ratio: number, taken: readonly number[] = []): number[] {
  if (ratio <= 0) return sizes.map(() => 0);
  const room = sizes.map((size, i) => size - 1 - (taken[i] ?? 0));
  const seats = sizes.map((size, i) => Math.max(0, Math.min(room[i] ?? 0, Math.max(1, Math.floor(ratio * size)))));
  const remainder = (i: number): number => ratio * (sizes[i] ?? 0) - (seats[i] ?? 0);
  const total = heldOutCount(sum(sizes), ratio);
  const next = [...sizes.keys()].filter((i) => remainder(i) > 1e-9 && (seats[i] ?? 0) < (room[i] ?? 0));
  next.sort((a, b) => remainder(b) - remainder(a) || a - b);
  for (const i of next.slice(0, Math.max(0, total - sum(seats)))) seats[i] = (seats[i] ?? 0) + 1;
  return seats;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function allDifferent(count: number): CodedError {
  const found = `Each of the ${count.toLocaleString('en')} rows has a value of its own, so that no part can have the same values as another`;
  return new CodedError('data/columns', `${found}. Data, Split: choose a column whose values repeat, or “At random”.`);
}
