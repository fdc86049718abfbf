/** Decompositions of matrices: what they are by definition, and what LAPACK's routines give. */

import { describe, expect, it } from 'vitest';
import { truncatedQr } from '../../src/core/matrix/qr';
import { randomisedSvd, truncatedSvd, type Matrix, type SingularValues } from '../../src/core/matrix/truncated-svd';
import { dot } from '../../src/core/matrix/vectors';
import { randomFloats } from '../random';

/** numpy.linalg.svd(numpy.arange(12.).reshape(3, 4) % 5)[1] */
const LAPACK = [6.458616852224951, 3.349899000963387, 2.83979665460405];

const random = (rows: number, columns: number, seed = 1): Matrix => {
  return { rows, columns, data: Float64Array.from(randomFloats(rows * columns, seed)) };
};
const row = ({ columns, data }: Matrix, i: number) => data.subarray(i * columns, (i + 1) * columns);

/** The largest difference between W·v and s·u. */
function residual(matrix: Matrix, { values, u, v }: SingularValues): number {
  const off = values.flatMap((value, k) => {
    const right = v[k] ?? new Float64Array(0);
    return Array.from({ length: matrix.rows }, (_, i) => Math.abs(dot(row(matrix, i), right) - value * (u[k]?.[i] ?? NaN)));
  });
  return Math.max(...off);
}

/** The largest difference between the products of vectors and those of unit vectors. */
function skew(vectors: readonly Float64Array[]): number {
  return Math.max(...vectors.flatMap((a, i) => vectors.map((b, j) => Math.abs(dot(a, b) - (i === j ? 1 : 0)))));
}

describe('the largest singular values', () => {
  it.each([
    [5, 3, 3],
    [3, 5, 2],
    [40, 24, 24],
    [33, 57, 16],
    [1, 7, 1],
    [7, 1, 1],
  ])('of a matrix %i × %i, the first %i', (rows, columns, rank) => {
    const matrix = random(rows, columns);
    const found = truncatedSvd(matrix, rank);
    expect(residual(matrix, found)).toBeLessThan(1e-12);
    expect(skew(found.u)).toBeLessThan(1e-10);
    expect(skew(found.v)).toBeLessThan(1e-12);
    expect([...found.values]).toEqual([...found.values].sort((a, b) => b - a));
  });

  it('are all of them: their squares add up to those of the elements', () => {
    const matrix = random(24, 40);
    const squares = truncatedSvd(matrix, 24).values.reduce((sum, value) => sum + value * value, 0);
    expect(squares / dot(matrix.data, matrix.data)).toBeCloseTo(1, 12);
  });

  it('may be equal: those of three times the unit matrix', () => {
    const data = Float64Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 3 : 0));
    const found = truncatedSvd({ rows: 6, columns: 6, data }, 4);
    for (const value of found.values) expect(value).toBeCloseTo(3, 12);
    expect(skew(found.v)).toBeLessThan(1e-12);
  });

  it('may be zero: their left vectors are zeros', () => {
    const zeros = truncatedSvd({ rows: 4, columns: 3, data: new Float64Array(12) }, 2);
    expect(zeros.values).toEqual([0, 0]);
    expect(zeros.u.flatMap((vector) => [...vector]).every((x) => x === 0)).toBe(true);
    const one = { rows: 4, columns: 3, data: Float64Array.from([1, 2, 3, 2, 4, 6, 3, 6, 9, 4, 8, 12]) };
    const found = truncatedSvd(one, 3);
    expect(found.values[0]).toBeCloseTo(Math.sqrt(30 * 14), 10);
    expect(found.values.slice(1)).toEqual([0, 0]);
  });

  it('are those of LAPACK', () => {
    const data = Float64Array.from({ length: 12 }, (_, i) => i % 5);
    const { values } = truncatedSvd({ rows: 3, columns: 4, data }, 3);
    for (const [k, value] of LAPACK.entries()) expect(values[k]).toBeCloseTo(value, 12);
  });

  it('are found by random vectors too, more nearly with more rounds', () => {
    const matrix = random(60, 48);
    const exact = truncatedSvd(matrix, 8).values;
    const offBy = (rounds: number) => {
      const { values } = randomisedSvd(matrix, 8, rounds, 7, 3);
      return Math.max(...values.map((value, k) => Math.abs(value / (exact[k] ?? NaN) - 1)));
    };
    expect(offBy(1)).toBeGreaterThan(offBy(8));
    expect(offBy(200)).toBeLessThan(1e-9);
    const found = randomisedSvd(matrix, 8, 2, 7, 3);
    expect(skew(found.u)).toBeLessThan(1e-10);
    expect(randomisedSvd(matrix, 8, 2, 7, 3)).toEqual(found);
    expect(randomisedSvd(matrix, 8, 2, 8, 3)).not.toEqual(found);
  });
});

describe('the QR decomposition', () => {
  it.each([
    [12, 7, 5],
    [7, 12, 7],
    [6, 6, 6],
  ])('of a matrix %i × %i to rank %i', (rows, columns, rank) => {
    const matrix = random(rows, columns, 2);
    const { q, r } = truncatedQr({ ...matrix, data: matrix.data.slice() }, rank);
    const columnOf = (k: number) => Float64Array.from({ length: rows }, (_, i) => q[i * rank + k] ?? NaN);
    const vectors = Array.from({ length: rank }, (_, k) => columnOf(k));
    expect(skew(vectors)).toBeLessThan(1e-12);
    // R is Qᵀ·W, with zeros below the diagonal.
    for (const [k, vector] of vectors.entries())
      for (let j = 0; j < columns; j++) {
        const column = Float64Array.from({ length: rows }, (_, i) => matrix.data[i * columns + j] ?? NaN);
        expect(r[k * columns + j]).toBeCloseTo(j < k ? 0 : dot(vector, column), 12);
      }
  });
});
