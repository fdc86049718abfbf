/** Rows that are not used. There may be millions of them, so only the first are kept. */

import type { RowProblem } from './types';

/** How many are kept with line and reason. */
export const MOST_PROBLEMS = 500;

export interface Problems {
  readonly count: number;
  /** The first `MOST_PROBLEMS` by line. */
  readonly first: readonly RowProblem[];
}

export const NO_PROBLEMS: Problems = { count: 0, first: [] };

/** Problems that come in the order of the file. */
export class ProblemList implements Problems {
  #count = 0;
  readonly #first: RowProblem[] = [];

  get count(): number {
    return this.#count;
  }

  get first(): readonly RowProblem[] {
    return this.#first;
  }

  add(problem: RowProblem): void {
    this.#count++;
    if (this.#first.length < MOST_PROBLEMS) this.#first.push(problem);
  }
}

/** Problems in memory, in any order. */
export function problemsOf(problems: readonly RowProblem[]): Problems {
  return joinProblems([{ count: problems.length, first: problems }]);
}

/** All problems of several lists. */
export function joinProblems(lists: readonly Problems[]): Problems {
  const all = lists.flatMap(({ first }) => first).sort((a, b) => a.line - b.line);
  return { count: lists.reduce((sum, { count }) => sum + count, 0), first: all.slice(0, MOST_PROBLEMS) };
}
