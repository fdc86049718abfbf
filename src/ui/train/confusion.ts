/** The confusion matrix of a measurement: which measurements can be shown, and what they say in words. Pure. */

import type { EvalRow } from '../../../workers/api';
import { count, plural } from '../format';

/** A measurement with its matrix, and why it is offered. */
export interface Confused {
  readonly step: number;
  readonly name: string;
  /** [K, K], row after row: row = true class, column = predicted class. */
  readonly counts: readonly number[];
}

/** A cell of the matrix: the indices of the true and the predicted class. */
export interface Cell {
  readonly truth: number;
  readonly predicted: number;
}

/** The newest measurement with a matrix, and the one with the lowest loss if that is another. */
export function confusedOf(evals: readonly EvalRow[]): readonly Confused[] {
  const measured = evals.flatMap(({ step, loss, confusion }) =>
    confusion === undefined ? [] : [{ step, loss, counts: confusion }],
  );
  const newest = measured.at(-1);
  if (newest === undefined) return [];
  const best = measured.reduce((a, b) => (b.loss < a.loss ? b : a));
  const shown = best.step === newest.step ? [newest] : [newest, best];
  return shown.map(({ step, counts }, i) => ({ step, counts, name: `${i === 0 ? 'Newest' : 'Best'}: step ${count(step)}` }));
}

/** The counts as a row for each true class. */
export function rowsOf(counts: readonly number[], classes: number): number[][] {
  return Array.from({ length: classes }, (_, row) => counts.slice(row * classes, (row + 1) * classes));
}

/** `41 of 60 held-out examples are right. Most often, billing is taken for account (4 times).` */
export function confusionWords(counts: readonly number[], names: readonly string[], what = 'held-out example'): string {
  const rows = rowsOf(counts, names.length);
  const total = counts.reduce((sum, one) => sum + one, 0);
  const right = rows.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  const wrong = rows.flatMap((row, i) => row.map((times, j) => ({ times: i === j ? 0 : times, i, j })));
  const most = wrong.reduce((a, b) => (b.times > a.times ? b : a), { times: 0, i: 0, j: 0 });
  const sum = `${count(right)} of ${plural(total, what)} are right.`;
  if (most.times === 0) return sum;
  const [truth, taken] = [names[most.i] ?? '', names[most.j] ?? ''];
  return `${sum} Most often, “${truth}” is taken for “${taken}”: ${plural(most.times, 'time')}.`;
}
