/** Counts what a step changes and drops while rows go through it. */

import { ProblemList, type Problems } from '../problems';
import { cellText, isFilled, type Row } from '../table';
import { shorten } from '../text';
import type { StepChange } from '../types';
import { columnsWith, INPUTS, used, type Decision, type Shape } from './step';

/** What a step did to the rows. */
export interface StepCounts {
  /** Rows that have other cells than before, or are new. */
  readonly changed: number;
  /** The rows that do not remain, each with the reason. */
  readonly dropped: Problems;
  /** The first changes, for the page. */
  readonly changes: readonly StepChange[];
}

const MOST_CHANGES = 3;

export class Tally implements StepCounts {
  readonly #shape: Shape;
  readonly #changes: StepChange[] = [];
  readonly dropped = new ProblemList();
  changed = 0;

  constructor(shape: Shape) {
    this.#shape = shape;
  }

  get changes(): readonly StepChange[] {
    return this.#changes;
  }

  /** Takes note of what was decided about `row`. */
  count(row: Row, decided: Decision): void {
    if (decided === row) return;
    const after =
      typeof decided === 'string' || isRow(decided) ? decided : (decided.find((one) => one.cells !== row.cells) ?? row);
    if (typeof decided === 'string') this.dropped.add({ line: row.line, message: decided });
    else this.changed += isRow(decided) ? 1 : decided.filter((one) => one !== row).length;
    if (this.#changes.length < MOST_CHANGES && after !== row) this.#changes.push(changeOf(this.#shape, row, after));
  }
}

export const isRow = (decided: Row | readonly Row[]): decided is Row => !Array.isArray(decided);

/** The first cell that differs, or of a dropped row its text. */
function changeOf(shape: Shape, row: Row, decided: Row | string): StepChange {
  const { line } = row;
  const nameOf = (column: number): string => shape.columns[column] ?? '';
  if (typeof decided === 'string') {
    const column = [...columnsWith(shape, ...INPUTS), ...used(shape)].find((one) => isFilled(row.cells[one])) ?? 0;
    return { line, column: nameOf(column), before: shorten(cellText(row.cells[column])), after: null };
  }
  const column = Math.max(
    row.cells.findIndex((cell, index) => cell !== decided.cells[index]),
    0,
  );
  const [before, after] = excerpts(cellText(row.cells[column]), cellText(decided.cells[column]));
  return { line, column: nameOf(column), before, after };
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
