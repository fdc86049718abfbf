/** The contract of data steps: what cleans, filters or changes rows between the file and its examples. */

import { cellText, isFilled, type Row } from '../table';
import { shorten } from '../text';
import type { ColumnRole, Mapping, RowProblem, StepChange, StepPart } from '../types';

/** Rows in the order of the file, their columns, and what the columns are used for. */
export interface Rows extends Mapping {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** What a step made of rows. */
export interface StepResult {
  /** The rows that remain, in order; those that did not change are the same objects. */
  readonly rows: readonly Row[];
  /** How many of them have other cells than before. */
  readonly changed: number;
  /** The rows that do not remain, each with the reason, in order. */
  readonly dropped: readonly RowProblem[];
  /** The first changes, for the page. */
  readonly changes: readonly StepChange[];
  /** What `changed` consists of; empty for a step that does one thing only. */
  readonly parts: readonly StepPart[];
}

/** One kind of step, with settings `S` (src/recipe/data-steps.ts). */
export interface DataStep<S> {
  /** It changes texts that a model reads, and drops no row: texts to be predicted go through it too. */
  readonly text?: true;
  /** Pure, and linear in the size of the rows. Random choices depend on the seed and on the row only. */
  apply(rows: Rows, settings: S, seed: number): StepResult;
  /** The settings with which the page proposes the step if it then has an effect; null where it does not suit the rows. */
  suggest(rows: Rows): S | null;
}

const MOST_CHANGES = 3;

/** Roles of what the model reads, and of what it learns. */
const INPUTS = ['text', 'user', 'messages'] as const;
const ANSWERS = ['label', 'assistant', 'rejected'] as const;

/** Decides about each row by itself: the row as it is, the row with other cells, or the reason why it is dropped. */
export function eachRow(
  rows: Rows,
  decide: (row: Row, index: number) => Row | string,
  parts: readonly StepPart[] = [],
): StepResult {
  const kept: Row[] = [];
  const dropped: RowProblem[] = [];
  const changes: StepChange[] = [];
  let changed = 0;
  rows.rows.forEach((row, index) => {
    const decided = decide(row, index);
    if (typeof decided === 'string') dropped.push({ line: row.line, message: decided });
    else kept.push(decided);
    if (decided === row) return;
    if (typeof decided !== 'string') changed++;
    if (changes.length < MOST_CHANGES) changes.push(changeOf(rows, row, decided));
  });
  return { rows: kept, changed, dropped, changes, parts };
}

/** The first cell that differs, or of a dropped row its text. */
function changeOf(rows: Rows, row: Row, decided: Row | string): StepChange {
  const { line } = row;
  if (typeof decided === 'string') {
    const column = [...columnsWith(rows, ...INPUTS), ...used(rows)].find((one) => isFilled(row.cells[one])) ?? 0;
    return { line, column: rows.columns[column] ?? '', before: shorten(cellText(row.cells[column])), after: null };
  }
  const column = Math.max(
    row.cells.findIndex((cell, index) => cell !== decided.cells[index]),
    0,
  );
  const [before, after] = excerpts(cellText(row.cells[column]), cellText(decided.cells[column]));
  return { line, column: rows.columns[column] ?? '', before, after };
}

/** How many characters of an excerpt come before the difference. */
const LEAD = 40;

/** Both texts from shortly before the first difference. */
function excerpts(before: string, after: string): [string, string] {
  let same = 0;
  while (same < before.length && before[same] === after[same]) same++;
  const start = same > 2 * LEAD ? same - LEAD : 0;
  const from = (text: string): string => shorten(start === 0 ? text : `…${text.slice(start).replace(/^[\udc00-\udfff]/, '')}`);
  return [from(before), from(after)];
}

/** Indices of the columns with one of the roles, in the order of the table. */
export function columnsWith({ roles }: Rows, ...wanted: readonly ColumnRole[]): number[] {
  return [...roles.keys()].filter((column) => wanted.some((role) => role === roles[column]));
}

/** Indices of the columns that are used. */
export function used({ roles }: Rows): number[] {
  return [...roles.keys()].filter((column) => roles[column] !== 'ignore');
}

/**
 * Tells rows that have no text where there are columns for it, or no answer where there are columns for one: they can't be used.
 * Conversations have their answers in themselves.
 */
export function lacksText(rows: Rows): (row: Row) => boolean {
  const answers = rows.roles.includes('messages') ? [] : ANSWERS;
  const needed = [columnsWith(rows, ...INPUTS), columnsWith(rows, ...answers)].filter((columns) => columns.length > 0);
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
