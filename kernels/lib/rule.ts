/** Building blocks of shape rules and gradient rules. */

import { internal, type CodedError } from '../../src/core/errors';
import { sameShape, type Shape } from '../../src/core/shape';
import type { Spec } from '../op';

/** The error of a shape rule: the inputs that it got, and what the op expects. */
export function misfit(op: string, inputs: Readonly<Record<string, Spec | null>>, expected: string): CodedError {
  const found = Object.entries(inputs).map(([name, spec]) => `${name} ${describe(spec)}`);
  return internal(`${op}: got ${found.join(', ')}; expected ${expected}`);
}

/** `f32[2, 3]`, or `none` for an absent optional input. */
export function describe(spec: Spec | null): string {
  return spec === null ? 'none' : `${spec.dtype}[${spec.shape.join(', ')}]`;
}

export function f32Spec(shape: Shape): Spec {
  return { shape, dtype: 'f32' };
}

/** f32 of this shape. */
export function isF32(spec: Spec, shape: Shape): boolean {
  return spec.dtype === 'f32' && sameShape(spec.shape, shape);
}

/** i32 of this shape. */
export function isI32(spec: Spec, shape: Shape): boolean {
  return spec.dtype === 'i32' && sameShape(spec.shape, shape);
}

/** f32 or f16. The planner decides which after the graph is built, so shape rules accept both for activations. */
export function isActivation({ dtype }: Spec): boolean {
  return dtype === 'f32' || dtype === 'f16';
}

/** An activation of this shape. */
export function isActivationOf(spec: Spec, shape: Shape): boolean {
  return isActivation(spec) && sameShape(spec.shape, shape);
}

/** Rows and columns of a matrix; null when the spec is not a matrix. */
export function matrixOf({ shape }: Spec): readonly [number, number] | null {
  const [rows, columns] = shape;
  return rows === undefined || columns === undefined || shape.length !== 2 ? null : [rows, columns];
}

/** Throws when the gradient of a weight is requested that is stored in less than f32: such weights are frozen. */
export function requireF32(op: string, input: string, spec: Spec): void {
  if (spec.dtype === 'f32') return;
  throw internal(`${op}: the gradient of ${input} ${describe(spec)} was requested; only f32 weights can be trained`);
}
