/** The largest singular values of a matrix with their vectors: W ≈ Σ sₖ·uₖ·vₖᵀ. The arithmetic is f64, and the same to the bit everywhere. */

import { STREAM, uniform } from '../random';
import { topEigenvectors } from './symmetric-eigen';
import { dot, norm, orthonormalise, scaleBy } from './vectors';

/** A matrix [rows, columns], row after row. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** Singular values, largest first, with unit vectors u [rows] and v [columns]; zeros for a value of zero. */
export interface SingularValues {
  readonly values: readonly number[];
  readonly u: readonly Float64Array[];
  readonly v: readonly Float64Array[];
}

/**
 * The `rank` largest, from the eigenvectors of the product of the matrix with its transpose: n²·m/2 + 2n³/3 multiplications for sides
 * n ≤ m. `rank` must be at most n.
 */
export function truncatedSvd(matrix: Matrix, rank: number): SingularValues {
  return ofTall(matrix, (tall) => decompose(tall, topEigenvectors(gram(tall), tall.columns, rank)));
}

/**
 * The `rank` largest, about: the matrix and its transpose are applied to `rank` random vectors, `iterations` times (Halko et al., arXiv
 * 0909.4061, algorithms 4.4 and 5.1, as in `torch.svd_lowrank`). `seed` and `key` give the vectors.
 */
export function randomisedSvd(matrix: Matrix, rank: number, iterations: number, seed: number, key: number): SingularValues {
  return ofTall(matrix, (tall) => {
    const random = (k: number) => (_: unknown, i: number) => normal(seed, key, k * tall.columns + i);
    const start = Array.from({ length: rank }, (_, k) => Float64Array.from({ length: tall.columns }, random(k)));
    let basis = times(tall, start);
    orthonormalise(basis);
    for (let i = 0; i < iterations; i++) {
      const back = timesTransposed(tall, basis);
      orthonormalise(back);
      basis = times(tall, back);
      orthonormalise(basis);
    }
    return withinBasis(timesTransposed(tall, basis), basis);
  });
}

/** The decomposition of the matrix whose projection on `basis` has the rows `small`. */
function withinBasis(small: readonly Float64Array[], basis: readonly Float64Array[]): SingularValues {
  const rank = small.length;
  const products = new Float64Array(rank * rank);
  small.forEach((a, i) => small.forEach((b, j) => (products[i * rank + j] = dot(a, b))));
  const parts = topEigenvectors(products, rank, rank).map((own) => {
    const v = combined(small, own);
    return { u: combined(basis, own), v, value: normalise(v) };
  });
  return { values: parts.map(({ value }) => value), u: parts.map(({ u }) => u), v: parts.map(({ v }) => v) };
}

function combined(vectors: readonly Float64Array[], weights: Float64Array): Float64Array {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  vectors.forEach((vector, k) => {
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (weights[k] ?? 0) * (vector[i] ?? 0);
  });
  return sum;
}

/** The values and left vectors that belong to right vectors. */
function decompose(tall: Matrix, v: readonly Float64Array[]): SingularValues {
  const u = times(tall, v);
  const lengths = u.map(norm);
  const least = Math.max(...lengths) * 1e-13;
  const values = u.map((vector, k) => {
    const length = lengths[k] ?? 0;
    scaleBy(vector, length > least ? 1 / length : 0);
    return length > least ? length : 0;
  });
  return { values, u, v };
}

/** Scales to unit length, zeros excepted, and returns the length before. */
function normalise(vector: Float64Array): number {
  const length = norm(vector);
  if (length > 0) scaleBy(vector, 1 / length);
  return length;
}

/** Applies `of` to the matrix or its transpose, whichever has at least as many rows as columns. */
function ofTall(matrix: Matrix, of: (tall: Matrix) => SingularValues): SingularValues {
  if (matrix.rows >= matrix.columns) return of(matrix);
  const { values, u, v } = of(transposed(matrix));
  return { values, u: v, v: u };
}

function transposed({ rows, columns, data }: Matrix): Matrix {
  const turned = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j] ?? 0;
  return { rows: columns, columns: rows, data: turned };
}

/** The lower triangle of WᵀW [n, n]. Eight rows at a time, so that the result is read and written less often; rows past the end are zeros. */
function gram({ rows, columns: n, data }: Matrix): Float64Array {
  const sums = new Float64Array(n * n);
  for (let first = 0; first < rows; first += 8) addProducts(sums, data, n, first * n);
  return sums;
}

/** Adds the products of the eight rows from element `start` on. */
function addProducts(sums: Float64Array, data: Float64Array, n: number, start: number): void {
  const at = (row: number, j: number) => data[start + row * n + j] ?? 0;
  for (let i = 0; i < n; i++) {
    const [a0, a1, a2, a3] = [at(0, i), at(1, i), at(2, i), at(3, i)];
    const [a4, a5, a6, a7] = [at(4, i), at(5, i), at(6, i), at(7, i)];
    for (let j = 0; j <= i; j++) {
      const low = a0 * at(0, j) + a1 * at(1, j) + a2 * at(2, j) + a3 * at(3, j);
      const high = a4 * at(4, j) + a5 * at(5, j) + a6 * at(6, j) + a7 * at(7, j);
      sums[i * n + j] = (sums[i * n + j] ?? 0) + low + high;
    }
  }
}

/** W·x of each vector. */
function times({ rows, columns, data }: Matrix, vectors: readonly Float64Array[]): Float64Array[] {
  return inFours(vectors, rows, ([x0, x1, x2, x3], [y0, y1, y2, y3]) => {
    for (let i = 0; i < rows; i++) {
      const row = i * columns;
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let j = 0; j < columns; j++) {
        const w = data[row + j] ?? 0;
        s0 += w * (x0[j] ?? 0);
        s1 += w * (x1[j] ?? 0);
        s2 += w * (x2[j] ?? 0);
        s3 += w * (x3[j] ?? 0);
      }
      [y0[i], y1[i], y2[i], y3[i]] = [s0, s1, s2, s3];
    }
  });
}

type Four = readonly [Float64Array, Float64Array, Float64Array, Float64Array];

/** Makes a vector of `size` of each vector; `make` fills four at a time, so that the matrix is read less often. */
function inFours(vectors: readonly Float64Array[], size: number, make: (x: Four, y: Four) => void): Float64Array[] {
  const results = vectors.map(() => new Float64Array(size));
  const spare = new Float64Array(size);
  for (let k = 0; k < vectors.length; k += 4) {
    const of = (i: number) => vectors[k + i] ?? vectors[k] ?? spare;
    const into = (i: number) => results[k + i] ?? spare;
    make([of(0), of(1), of(2), of(3)], [into(0), into(1), into(2), into(3)]);
  }
  return results;
}

/** Wᵀ·x of each vector. */
function timesTransposed({ rows, columns, data }: Matrix, vectors: readonly Float64Array[]): Float64Array[] {
  return inFours(vectors, columns, ([x0, x1, x2, x3], [y0, y1, y2, y3]) => {
    for (let i = 0; i < rows; i++) {
      const row = i * columns;
      const [a0, a1, a2, a3] = [x0[i] ?? 0, x1[i] ?? 0, x2[i] ?? 0, x3[i] ?? 0];
      for (let j = 0; j < columns; j++) {
        const w = data[row + j] ?? 0;
        y0[j] = (y0[j] ?? 0) + a0 * w;
        y1[j] = (y1[j] ?? 0) + a1 * w;
        y2[j] = (y2[j] ?? 0) + a2 * w;
        y3[j] = (y3[j] ?? 0) + a3 * w;
      }
    }
  });
}

/** Sums of uniform numbers: nearly normal, and, unlike logarithms and cosines, the same to the bit everywhere. */
function normal(seed: number, key: number, index: number): number {
  let sum = -6;
  for (let k = 0; k < 12; k++) sum += uniform(seed, key, STREAM.adapterInit, 12 * index + k);
  return sum;
}
