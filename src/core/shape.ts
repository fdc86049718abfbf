/** Shapes: plain readonly arrays of sizes, outermost first. */

import { internal } from './errors';

export type Shape = readonly number[];

/** Number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let product = 1;
  for (let i = 0; i < shape.length; i++) product *= shape[i] ?? 1;
  return product;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** Throws an `internal:` error that prints both shapes if they differ. */
export function expectShape(what: string, actual: Shape, expected: Shape): void {
  if (!sameShape(actual, expected)) {
    throw internal(`${what} has shape [${actual.join(', ')}], expected [${expected.join(', ')}]`);
  }
}

/** Rows and columns of a matrix. Throws an `internal:` error for other shapes. */
export function matrixShape(what: string, shape: Shape): readonly [number, number] {
  const [rows, columns] = shape;
  if (rows === undefined || columns === undefined || shape.length !== 2) {
    throw internal(`${what} has shape [${shape.join(', ')}], expected a matrix`);
  }
  return [rows, columns];
}
