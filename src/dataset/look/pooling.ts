/** Tables of counts whose rare values are taken together, as the chi-squared test needs them. */

import type { Counts } from './chi-squared';

/** A table of counts with names; null is the name of all that were taken together. */
export interface Contingency {
  readonly rows: readonly (string | null)[];
  readonly columns: readonly (string | null)[];
  readonly counts: Counts;
}

/** The expected count that every cell has to have (Cochran, "Some methods for strengthening the common χ² tests", 1954). */
const LEAST_EXPECTED = 5;

interface Line {
  readonly name: string | null;
  readonly counts: readonly number[];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const bySize = (lines: readonly Line[]): Line[] => [...lines].sort((a, b) => sum(b.counts) - sum(a.counts));

/** Takes the rarest rows and columns together until every expected count is 5; null if that leaves fewer than two of either. */
export function pooled({ rows, columns, counts }: Contingency): Contingency | null {
  let lines = bySize(counts.map((row, at) => ({ name: rows[at] ?? null, counts: row })));
  let across = bySize(transposed(lines, columns));
  lines = transposed(across, namesOf(lines));
  for (;;) {
    if (lines.length < 2 || across.length < 2) return null;
    const [row, column] = [smallest(lines), smallest(across)];
    if ((row * column) / sum(lines.flatMap((line) => line.counts)) >= LEAST_EXPECTED) break;
    if ((row <= column && lines.length > 2) || across.length === 2) {
      lines = withoutRarest(lines);
      across = transposed(lines, namesOf(across));
    } else {
      across = withoutRarest(across);
      lines = transposed(across, namesOf(lines));
    }
  }
  return { rows: namesOf(lines), columns: namesOf(across), counts: lines.map((line) => line.counts) };
}

const namesOf = (lines: readonly Line[]): (string | null)[] => lines.map(({ name }) => name);
const smallest = (lines: readonly Line[]): number => Math.min(...lines.map(({ counts }) => sum(counts)));

/** The columns of lines as lines. */
function transposed(lines: readonly Line[], names: readonly (string | null)[]): Line[] {
  return names.map((name, at) => ({ name, counts: lines.map(({ counts }) => counts[at] ?? 0) }));
}

/** The lines with the rarest one added to those that were taken together, or to the next rarest. */
function withoutRarest(lines: readonly Line[]): Line[] {
  const named = bySize(lines.filter(({ name }) => name !== null));
  const others = lines.find(({ name }) => name === null) ?? named.pop();
  const rarest = named.pop();
  if (others === undefined || rarest === undefined) return [...named];
  return [...named, { name: null, counts: others.counts.map((count, at) => count + (rarest.counts[at] ?? 0)) }];
}
