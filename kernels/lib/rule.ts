/** What the ops' shape rules, gradients and builders have in common. */

import { internal, type CodedError } from '../../src/core/errors';
import type { Spec, Value } from '../op';

/** The error of a shape rule: what came in, and what the op takes. */
export function misfit(op: string, inputs: readonly (Spec | null)[], expected: string): CodedError {
  return internal(`${op}: got ${inputs.map(describe).join(', ')}; expected ${expected}`);
}

/** `f32[2, 3]`, or `none` for an optional input left out. */
export function describe(spec: Spec | null): string {
  return spec === null ? 'none' : `${spec.dtype}[${spec.shape.join(', ')}]`;
}

/** Activations are numbers in either type: which, the planner settles after the graph is built. */
export function isActivation(spec: Spec | null | undefined): spec is Spec {
  return spec?.dtype === 'f32' || spec?.dtype === 'f16';
}

/** The rows and columns of a matrix, or null when it is none. */
export function matrixOf(spec: Spec | null | undefined): readonly [number, number] | null {
  const [rows, columns] = spec?.shape ?? [];
  return rows === undefined || columns === undefined || spec?.shape.length !== 2 ? null : [rows, columns];
}

/** The only output of a one-output op. */
export function only(values: readonly Value[]): Value {
  const [value] = values;
  if (value === undefined || values.length !== 1) throw internal(`an op gave ${values.length} outputs, expected 1`);
  return value;
}

/** The error for a derivative that the design never asks for: frozen weights are not trained. */
export function notTrained(op: string, input: string): CodedError {
  return internal(`${op}: a gradient of ${input} was asked for, but ${input} is frozen`);
}
