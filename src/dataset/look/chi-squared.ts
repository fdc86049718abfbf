/** Pearson's chi-squared test of independence. */

import type { Independence } from './answers';

/** A table of counts, as a list of rows of the same length. */
export type Counts = readonly (readonly number[])[];

/** Pearson's test, without a correction for continuity. Every row and column must have a count above 0. */
export function independence(counts: Counts): Independence {
  const rows = counts.map(sum);
  const columns = (counts[0] ?? []).map((_, column) => sum(counts.map((row) => row[column] ?? 0)));
  const all = sum(rows);
  let statistic = 0;
  counts.forEach((row, at) =>
    row.forEach((count, column) => {
      const expected = ((rows[at] ?? 0) * (columns[column] ?? 0)) / all;
      statistic += (count - expected) ** 2 / expected;
    }),
  );
  const freedom = (rows.length - 1) * (columns.length - 1);
  const least = Math.min(rows.length, columns.length) - 1;
  return { statistic, freedom, p: chiSquaredTail(statistic, freedom), v: Math.sqrt(statistic / (all * least)) };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The probability that a chi-squared variable with `freedom` degrees of freedom exceeds `statistic`: Q(freedom ÷ 2, statistic ÷ 2). */
export function chiSquaredTail(statistic: number, freedom: number): number {
  const [a, x] = [freedom / 2, statistic / 2];
  if (x <= 0) return 1;
  return x < a + 1 ? 1 - lowerSeries(a, x) : upperFraction(a, x);
}

const PRECISION = 1e-16;
const MOST_TERMS = 100_000;

/** P(a, x) by its series (DLMF 8.7.1 with 8.2.4), which converges fast for x < a + 1. */
function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let total = term;
  for (let n = 1; n < MOST_TERMS && term > total * PRECISION; n++) {
    term *= x / (a + n);
    total += term;
  }
  return total * scale(a, x);
}

/** Q(a, x) by its continued fraction (DLMF 8.9.2), evaluated from the front by Lentz's method (DLMF 3.10.iii), for x ≥ a + 1. */
function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = Infinity;
  let d = 1 / b;
  let value = d;
  for (let n = 1; n < MOST_TERMS; n++) {
    const factor = n * (a - n);
    b += 2;
    d = 1 / (factor * d + b);
    c = b + factor / c;
    value *= c * d;
    if (Math.abs(c * d - 1) < PRECISION) break;
  }
  return value * scale(a, x);
}

/** xᵃ e⁻ˣ ÷ Γ(a). */
const scale = (a: number, x: number): number => Math.exp(a * Math.log(x) - x - logGamma(a));

/** The logarithm of Γ(a) for a multiple of a half: by Γ(a) = (a − 1) Γ(a − 1) from Γ(1) = 1 or Γ(½) = √π (DLMF 5.5.1, 5.4.6). */
function logGamma(a: number): number {
  let log = Number.isInteger(a) ? 0 : Math.log(Math.PI) / 2;
  for (let factor = a - 1; factor > 0; factor--) log += Math.log(factor);
  return log;
}
