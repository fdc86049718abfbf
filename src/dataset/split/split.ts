/** The contract of splits: which rows are trained on, which measure the run, and which are kept for the test. */

import type { FileLines } from '../../core/places';
import { CodedError } from '../../core/errors';
import { permutation, STREAM } from '../../core/random';
import type { LabelShape } from '../labelled';
import type { Shape } from '../steps/step';
import type { Row } from '../table';

/** The parts by their number in a `Parts`. */
export const PART = { train: 0, heldOut: 1, test: 2 } as const;
export type PartName = keyof typeof PART;

/** The part of each row. */
export type Parts = Uint8Array;

/**
 * The rows of the file that gave examples, in the order of the data. A row is in one part with all that data steps made of it: the parts of
 * a long text, copies, several examples.
 */
export interface SplitRows {
  readonly count: number;
  /** Line of each in the file. */
  readonly lines: readonly number[];
  /** The files that the rows come from; absent for a single one. */
  readonly files?: readonly FileLines[] | undefined;
  /** What the split reads of each; empty texts where it reads nothing. */
  readonly texts: readonly string[];
}

export interface Shares {
  /** Share of the rows for validation, 0 to 0.5. */
  readonly heldOutRatio: number;
  /** Share of the rows for the test, 0 to 0.5. */
  readonly testRatio: number;
  readonly seed: number;
}

/** What a split knows of the data. */
export interface SplitShape extends Shape {
  /** What the labels of the run's examples are; null for examples without. */
  readonly labels: LabelShape | null;
}

/** One way to split, with settings `S` (src/recipe/splits.ts). */
export interface SplitKind<S> {
  /** What is read of each row after the data steps. Null: nothing. Throws data/columns when the data lack what it needs. */
  readonly reads: ((shape: SplitShape, settings: S) => (row: Row) => string) | null;
  /** The part of each row: a pure function of its arguments. At least one row is for training. Throws data/columns, with lines. */
  assign(rows: SplitRows, settings: S, shares: Shares): Parts;
}

/** How many of `count` rows a share is. With two rows or more: at least one, and never all. */
export function heldOutCount(count: number, ratio: number): number {
  if (ratio <= 0 || count < 2) return 0;
  return Math.min(count - 1, Math.max(1, Math.round(ratio * count)));
}

/** How many of `count` rows are for the test and for validation. */
export function partCounts(
  count: number,
  { heldOutRatio, testRatio }: Shares,
): { readonly test: number; readonly heldOut: number } {
  const test = heldOutCount(count, testRatio);
  return { test, heldOut: Math.min(heldOutCount(count, heldOutRatio), Math.max(0, count - test - 1)) };
}

/** The rows in a random order: a pure function of their number and the seed. */
export function shuffled(count: number, seed: number): Uint32Array {
  return permutation(count, seed, 0, STREAM.split);
}

/**
 * Rows in an order of which the first are for the test, the next for validation and the others for training. The test comes first: another
 * share for validation leaves its rows as they are.
 */
export function cutOrder(order: ArrayLike<number>, shares: Shares): Parts {
  const { test, heldOut } = partCounts(order.length, shares);
  const parts = new Uint8Array(order.length);
  for (let i = 0; i < test + heldOut; i++) parts[order[i] ?? 0] = i < test ? PART.test : PART.heldOut;
  return parts;
}

/** The index of the column `name`. Throws data/columns when none is named or there is none. */
export function columnNamed({ columns }: Shape, name: string, use: string): number {
  const index = columns.indexOf(name);
  if (index >= 0) return index;
  const listed = columns.slice(0, 20).map((one) => `“${one}”`);
  const found = name === '' ? `No column is chosen ${use}.` : `The data have no column “${name}”, which is to be used ${use}.`;
  throw new CodedError('data/columns', `${found} Data, Split: choose one of ${listed.join(', ')}, or another way to split.`);
}
