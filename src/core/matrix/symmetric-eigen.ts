/**
 * Eigenvectors of a symmetric matrix, in f64: reduction to a tridiagonal matrix by Householder's reflections, bisection by Sturm
 * sequences, and inverse iteration (Golub and Van Loan, Matrix Computations, chapter 8). It uses no operations but those that IEEE 754
 * defines to the bit, so that the result is the same everywhere.
 */

import { uniform } from '../random';
import { dot, norm, removeFrom, scaleBy } from './vectors';

/** The eigenvectors of the `count` largest eigenvalues of `a` [n, n], largest first; orthonormal, [n] each. Overwrites `a`. */
export function topEigenvectors(a: Float64Array, n: number, count: number): readonly Float64Array[] {
  const reduced = tridiagonalise(a, n);
  const vectors: Float64Array[] = [];
  for (let k = 0; k < count; k++) {
    const value = eigenvalue(reduced, n - 1 - k);
    vectors.push(inverseIteration(reduced, value, vectors));
  }
  for (const vector of vectors) reflectBack(a, n, reduced.factors, vector);
  return vectors;
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Element i is beside the diagonal in row i; the first is 0. */
  readonly beside: Float64Array;
  /** Of the reflection of each row: 2 / (v·v), or 0 where there is none. */
  readonly factors: Float64Array;
}

/** Leaves the vectors v of the reflections in the rows of `a`, left of the diagonal. Reads and writes the lower triangle only. */
function tridiagonalise(a: Float64Array, n: number): Tridiagonal {
  const [diagonal, beside, factors] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  const product = new Float64Array(n);
  for (let i = n - 1; i > 0; i--) {
    const v = a.subarray(i * n, i * n + i);
    const last = v[i - 1] ?? 0;
    const rest = norm(v.subarray(0, i - 1));
    if (rest === 0) {
      beside[i] = last;
      continue;
    }
    const length = Math.sqrt(rest * rest + last * last);
    const mirrored = last > 0 ? -length : length;
    beside[i] = mirrored;
    v[i - 1] = last - mirrored;
    factors[i] = 2 / dot(v, v);
    reflect(a, n, i, v, factors[i] ?? 0, product);
  }
  for (let i = 0; i < n; i++) diagonal[i] = a[i * n + i] ?? 0;
  return { diagonal, beside, factors };
}

/** a ← H·a·H of the leading `size` rows and columns, with H = 1 − factor·v·vᵀ, as an update of rank two. */
function reflect(a: Float64Array, n: number, size: number, v: Float64Array, factor: number, w: Float64Array): void {
  w.fill(0, 0, size);
  for (let i = 0; i < size; i++) {
    const row = i * n;
    const vi = v[i] ?? 0;
    let sum = (a[row + i] ?? 0) * vi;
    for (let j = 0; j < i; j++) {
      const x = a[row + j] ?? 0;
      sum += x * (v[j] ?? 0);
      w[j] = (w[j] ?? 0) + x * vi;
    }
    w[i] = (w[i] ?? 0) + sum;
  }
  const half = (factor * factor * dot(w.subarray(0, size), v)) / 2;
  for (let i = 0; i < size; i++) w[i] = factor * (w[i] ?? 0) - half * (v[i] ?? 0);
  for (let i = 0; i < size; i++) {
    const row = i * n;
    const [vi, wi] = [v[i] ?? 0, w[i] ?? 0];
    for (let j = 0; j <= i; j++) a[row + j] = (a[row + j] ?? 0) - vi * (w[j] ?? 0) - wi * (v[j] ?? 0);
  }
}

function reflectBack(a: Float64Array, n: number, factors: Float64Array, vector: Float64Array): void {
  for (let i = 1; i < n; i++) {
    const v = a.subarray(i * n, i * n + i);
    const part = vector.subarray(0, i);
    removeFrom(part, v, (factors[i] ?? 0) * dot(v, part));
  }
}

/** The bits of a number's fraction, and some. */
const BISECTIONS = 70;

/** Eigenvalue `index`, counted from the smallest. */
function eigenvalue(t: Tridiagonal, index: number): number {
  const bound = boundOf(t);
  let [low, high] = [-bound, bound];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (countBelow(t, middle) > index) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

/** Every eigenvalue is within ± this (Gershgorin). */
function boundOf({ diagonal, beside }: Pick<Tridiagonal, 'diagonal' | 'beside'>): number {
  let bound = 0;
  for (let i = 0; i < diagonal.length; i++) {
    const radius = Math.abs(beside[i] ?? 0) + Math.abs(beside[i + 1] ?? 0);
    bound = Math.max(bound, Math.abs(diagonal[i] ?? 0) + radius);
  }
  return bound;
}

/** Eigenvalues below x: the negative pivots of T − x. */
function countBelow({ diagonal, beside }: Tridiagonal, x: number): number {
  let [count, pivot] = [0, 1];
  for (let i = 0; i < diagonal.length; i++) {
    const e = beside[i] ?? 0;
    pivot = (diagonal[i] ?? 0) - x - (e * e) / pivot;
    if (pivot === 0) pivot = -Number.MIN_VALUE / Number.EPSILON;
    if (pivot < 0) count++;
  }
  return count;
}

const ITERATIONS = 4;

/**
 * The eigenvector of `value` that is orthogonal to `found`. Equal eigenvalues have equal equations: what tells their vectors apart is
 * that each is made orthogonal to those before it.
 */
function inverseIteration(t: Tridiagonal, value: number, found: readonly Float64Array[]): Float64Array {
  const n = t.diagonal.length;
  const solve = solver(t, value);
  const x = Float64Array.from({ length: n }, (_, i) => uniform(0, found.length, 0, i) - 0.5);
  for (let i = 0; i < ITERATIONS; i++) {
    for (const other of found) removeFrom(x, other, dot(x, other));
    scaleBy(x, 1 / norm(x));
    solve(x);
    for (const other of found) removeFrom(x, other, dot(x, other));
    scaleBy(x, 1 / norm(x));
  }
  return x;
}

/** Solves (T − value)·x = b in place, by elimination with exchanges of neighbouring rows. Pivots of zero are replaced by tiny ones. */
function solver({ diagonal, beside }: Tridiagonal, value: number): (x: Float64Array) => void {
  const n = diagonal.length;
  const tiny = (boundOf({ diagonal, beside }) || 1) * Number.EPSILON;
  // The rows of the upper factor: pivot, and the two elements beside it.
  const [pivots, first, second] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  const [multipliers, exchanged] = [new Float64Array(n), new Uint8Array(n)];
  let [p, q] = [(diagonal[0] ?? 0) - value, beside[1] ?? 0];
  for (let i = 0; i + 1 < n; i++) {
    const [below, next, after] = [beside[i + 1] ?? 0, (diagonal[i + 1] ?? 0) - value, beside[i + 2] ?? 0];
    if (Math.abs(below) > Math.abs(p)) {
      const m = p / below;
      exchanged[i] = 1;
      [multipliers[i], pivots[i], first[i], second[i]] = [m, below, next, after];
      [p, q] = [q - m * next, -m * after];
    } else {
      if (p === 0) p = tiny;
      const m = below / p;
      [multipliers[i], pivots[i], first[i]] = [m, p, q];
      [p, q] = [next - m * q, after];
    }
  }
  pivots[n - 1] = p;
  for (let i = 0; i < n; i++) if (Math.abs(pivots[i] ?? 0) < tiny) pivots[i] = tiny;
  return (x) => {
    for (let i = 0; i + 1 < n; i++) {
      const [above, below] = [x[i] ?? 0, x[i + 1] ?? 0];
      const [upper, lower] = exchanged[i] === 1 ? [below, above] : [above, below];
      x[i] = upper;
      x[i + 1] = lower - (multipliers[i] ?? 0) * upper;
    }
    for (let i = n - 1; i >= 0; i--) {
      const known = (first[i] ?? 0) * (x[i + 1] ?? 0) + (second[i] ?? 0) * (x[i + 2] ?? 0);
      x[i] = ((x[i] ?? 0) - known) / (pivots[i] ?? 1);
    }
  };
}
