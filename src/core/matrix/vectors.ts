/** Vectors of f64. */

/** a·b. Four sums, because each addition waits for the one before it. */
export function dot(a: Float64Array, b: Float64Array): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < a.length; i += 4) {
    s0 += (a[i] ?? 0) * (b[i] ?? 0);
    s1 += (a[i + 1] ?? 0) * (b[i + 1] ?? 0);
    s2 += (a[i + 2] ?? 0) * (b[i + 2] ?? 0);
    s3 += (a[i + 3] ?? 0) * (b[i + 3] ?? 0);
  }
  for (; i < a.length; i++) s0 += (a[i] ?? 0) * (b[i] ?? 0);
  return s0 + s1 + (s2 + s3);
}

export function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}

export function scaleBy(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] ?? 0) * factor;
}

/** a ← a − factor·b. */
export function removeFrom(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] ?? 0) - factor * (b[i] ?? 0);
}

/** Makes the vectors orthonormal, in order (Gram and Schmidt, twice each). One that depends on those before it becomes zeros. */
export function orthonormalise(vectors: readonly Float64Array[]): void {
  vectors.forEach((vector, k) => {
    const before = norm(vector);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors.slice(0, k)) removeFrom(vector, other, dot(vector, other));
    }
    const length = norm(vector);
    scaleBy(vector, length > before * 1e-14 ? 1 / length : 0);
  });
}
