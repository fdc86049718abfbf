/** Rows that are not used. There may be millions of them, so only the first are kept, and all are counted by reason. */

import type { ProblemReason, RowProblem } from './types';

/** How many are kept with line and reason. */
export const MOST_PROBLEMS = 500;

/** How many reasons are told apart. */
const MOST_REASONS = 100;

export interface Problems {
  readonly count: number;
  /** The first `MOST_PROBLEMS` by line. */
  readonly first: readonly RowProblem[];
  /** The reasons, the most frequent first. */
  readonly reasons: readonly ProblemReason[];
}

export const NO_PROBLEMS: Problems = { count: 0, first: [], reasons: [] };

/** The reason without what differs between rows that have it: numbers and long quoted values. */
export function reasonOf(message: string): string {
  return message.replace(/\b\d[\d,.]*\b/g, '…').replace(/"(?:[^"\\]|\\.){40,}"/g, '"…"');
}

/** Problems that come in the order of the file. */
export class ProblemList implements Problems {
  #count = 0;
  readonly #first: RowProblem[] = [];
  readonly #reasons = new Map<string, ProblemReason>();

  get count(): number {
    return this.#count;
  }

  get first(): readonly RowProblem[] {
    return this.#first;
  }

  get reasons(): readonly ProblemReason[] {
    return sorted(this.#reasons);
  }

  add(problem: RowProblem): void {
    this.#count++;
    if (this.#first.length < MOST_PROBLEMS) this.#first.push(problem);
    addReason(this.#reasons, { reason: reasonOf(problem.message), rows: 1, line: problem.line });
  }
}

/** Problems in memory, in the order of the file. */
export function problemsOf(problems: readonly RowProblem[]): Problems {
  const list = new ProblemList();
  for (const problem of problems) list.add(problem);
  return joinProblems([list]);
}

/** All problems of several lists. */
export function joinProblems(lists: readonly Problems[]): Problems {
  const all = lists.flatMap(({ first }) => first).sort((a, b) => a.line - b.line);
  const reasons = new Map<string, ProblemReason>();
  for (const list of lists) for (const reason of list.reasons) addReason(reasons, reason);
  const count = lists.reduce((sum, list) => sum + list.count, 0);
  return { count, first: all.slice(0, MOST_PROBLEMS), reasons: sorted(reasons) };
}

function addReason(reasons: Map<string, ProblemReason>, { reason, rows, line }: ProblemReason): void {
  const known = reasons.get(reason);
  if (known !== undefined) reasons.set(reason, { reason, rows: known.rows + rows, line: Math.min(known.line, line) });
  else if (reasons.size < MOST_REASONS) reasons.set(reason, { reason, rows, line });
}

function sorted(reasons: ReadonlyMap<string, ProblemReason>): ProblemReason[] {
  return [...reasons.values()].sort((a, b) => b.rows - a.rows || a.line - b.line);
}
