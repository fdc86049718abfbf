/** The QR decomposition by Householder's reflections, with the signs of LAPACK's `geqrf`, which torch and numpy use. */

import type { Matrix } from './truncated-svd';

export interface QrFactors {
  /** The first columns of Q, [rows, rank], row after row. */
  readonly q: Float64Array;
  /** The first rows of R, [rank, columns], row after row. */
  readonly r: Float64Array;
}

/** The first `rank` columns of Q and rows of R of W = Q·R, in f64. `rank` must be at most the smaller side. Overwrites the matrix. */
export function truncatedQr({ rows, columns, data }: Matrix, rank: number): QrFactors {
  const reflections = Array.from({ length: rank }, (_, k) => {
    const reflection = reflectionOf(data, rows, columns, k);
    apply(reflection, k, data, rows, columns, k);
    for (let i = k + 1; i < rows; i++) data[i * columns + k] = 0;
    return reflection;
  });
  const q = new Float64Array(rows * rank);
  for (let k = 0; k < rank; k++) q[k * rank + k] = 1;
  for (let k = rank - 1; k >= 0; k--) {
    const reflection = reflections[k];
    if (reflection !== undefined) apply(reflection, k, q, rows, rank, k);
  }
  return { q, r: data.slice(0, rank * columns) };
}

/** 1 − factor·v·vᵀ on rows from k on; `v` has the elements of these rows. */
interface Reflection {
  readonly v: Float64Array;
  readonly factor: number;
}

/** The one that turns column k into a multiple of the unit vector k. */
function reflectionOf(data: Float64Array, rows: number, columns: number, k: number): Reflection {
  const v = Float64Array.from({ length: rows - k }, (_, i) => data[(k + i) * columns + k] ?? 0);
  const alpha = v[0] ?? 0;
  let rest = 0;
  for (let i = 1; i < v.length; i++) rest += (v[i] ?? 0) ** 2;
  if (rest === 0) return { v, factor: 0 };
  const length = Math.sqrt(alpha * alpha + rest);
  v[0] = alpha - (alpha < 0 ? length : -length);
  return { v, factor: 2 / (v[0] ** 2 + rest) };
}

/** Applies a reflection to the columns from `first` on of a matrix. */
function apply({ v, factor }: Reflection, k: number, data: Float64Array, rows: number, columns: number, first: number): void {
  if (factor === 0) return;
  const sums = new Float64Array(columns);
  for (let i = k; i < rows; i++) {
    const x = v[i - k] ?? 0;
    for (let j = first; j < columns; j++) sums[j] = (sums[j] ?? 0) + x * (data[i * columns + j] ?? 0);
  }
  for (let i = k; i < rows; i++) {
    const x = factor * (v[i - k] ?? 0);
    for (let j = first; j < columns; j++) data[i * columns + j] = (data[i * columns + j] ?? 0) - x * (sums[j] ?? 0);
  }
}
