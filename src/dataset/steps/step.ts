/** The contract of data steps: what cleans, filters or changes rows between the file and its examples. */

import type { FileLines } from '../../core/places';
import { isFilled, type Row } from '../table';
import type { ColumnRole, Mapping, StepPart } from '../types';

/** What a step knows of the rows before it reads them. */
export interface Shape extends Mapping {
  readonly columns: readonly string[];
  /** The first rows, as the steps before leave them. */
  readonly sample: readonly Row[];
  /** The files that the rows come from; absent for a single one. */
  readonly files?: readonly FileLines[];
}

/** The row as it is, the row with other cells, several rows in its place, or the reason why it is dropped. */
export type Decision = Row | readonly Row[] | string;

/** A step that is applied to rows which may be too many for memory: it keeps counts and hashes of them, not texts. */
export interface StepRun {
  /** Reads every row once, in order, before the first decision. Absent where each row is decided by itself. */
  readonly survey?: (row: Row) => void;
  /** Begins a reading of the rows: the result decides about every row, in order. Rows are read several times. */
  start(): (row: Row) => Decision;
  /** What the changes consist of, once all rows were surveyed; absent for a step that does one thing only. */
  readonly parts?: () => readonly StepPart[];
}

/** One kind of step, with settings `S` (src/recipe/data-steps.ts). */
export interface DataStep<S> {
  /** It changes texts that a model reads, and drops no row: texts to be predicted go through it too. */
  readonly text?: true;
  /** Deterministic, and linear in the size of the rows. Random choices depend on the seed and on the row only. A promise where a library is loaded first. */
  begin(shape: Shape, settings: S, seed: number): StepRun | Promise<StepRun>;
  /** The settings with which the page proposes the step if it then has an effect; null where it does not suit the rows. */
  suggest(shape: Shape): S | null;
}

/** Roles of what the model reads, and of what it learns. */
export const INPUTS = ['text', 'user', 'messages'] as const;
const ANSWERS = ['label', 'assistant', 'rejected'] as const;

/** A step that decides about each row by itself. */
export function eachRow(decide: (row: Row) => Decision): StepRun {
  return { start: () => decide };
}

/** Indices of the columns with one of the roles, in the order of the table. */
export function columnsWith({ roles }: Mapping, ...wanted: readonly ColumnRole[]): number[] {
  return [...roles.keys()].filter((column) => wanted.some((role) => role === roles[column]));
}

/** Indices of the columns that are used. */
export function used({ roles }: Mapping): number[] {
  return [...roles.keys()].filter((column) => roles[column] !== 'ignore');
}

/**
 * Tells rows that have no text where there are columns for it, or no answer where there are columns for one: they can't be used.
 * Conversations have their answers in themselves.
 */
export function lacksText(mapping: Mapping): (row: Row) => boolean {
  const answers = mapping.roles.includes('messages') ? [] : ANSWERS;
  const needed = [columnsWith(mapping, ...INPUTS), columnsWith(mapping, ...answers)].filter((columns) => columns.length > 0);
  return ({ cells }) => needed.some((columns) => !columns.some((column) => isFilled(cells[column])));
}

/** The row with other cells in some columns; the same row if none differs. */
export function withCells(row: Row, columns: readonly number[], change: (cell: unknown) => unknown): Row {
  const cells = [...row.cells];
  let differs = false;
  for (const column of columns) {
    const cell = change(cells[column]);
    differs ||= cell !== cells[column];
    cells[column] = cell;
  }
  return differs ? { ...row, cells } : row;
}
