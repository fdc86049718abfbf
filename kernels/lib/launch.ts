/** Small pieces that every op's launch, shape rule and cost are made of. */

import { CodedError, internal } from '../../src/core/errors';
import { storageBytes } from '../../src/core/dtype';
import type { Binding, Spec, Use } from '../op';

/** WebGPU's limit on workgroups in one dimension. */
const MAX_WORKGROUPS = 65535;

/**
 * Workgroups for `count` items, `perGroup` to a workgroup, laid out as rows of `stride` workgroups. A kernel finds its
 * linear workgroup as `wid.y * GRID + wid.x`, with GRID = `stride`, and must ignore items at or past `count`.
 */
export function linearGrid(count: number, perGroup: number): { workgroups: readonly [number, number, number]; stride: number } {
  const groups = Math.max(1, Math.ceil(count / perGroup));
  const stride = Math.min(groups, MAX_WORKGROUPS);
  return { workgroups: [stride, Math.ceil(groups / stride), 1], stride };
}

export function readInput(index: number, range?: { offset: number; size: number }): Binding {
  return { from: 'input', index, access: 'read', ...(range && { range }) };
}

export function writeOutput(index: number): Binding {
  return { from: 'output', index, access: 'write' };
}

/** The i-th input, an activation in f32 or f16. */
export function readTensor({ inputs }: Use, index: number): Binding {
  return { ...readInput(index), f16: inputs[index]?.dtype === 'f16' };
}

/** The i-th output, an activation in f32 or f16. */
export function writeTensor({ outputs }: Use, index: number): Binding {
  return { ...writeOutput(index), f16: outputs[index]?.dtype === 'f16' };
}

export function readScratch(index: number): Binding {
  return { from: 'scratch', index, access: 'read' };
}

export function writeScratch(index: number): Binding {
  return { from: 'scratch', index, access: 'write' };
}

/** The i-th of a list that the op's contract says is there. */
export function required<T>(list: readonly (T | null)[], index: number, what: string): T {
  const item = list[index];
  if (item === null || item === undefined) throw internal(`${what} is missing (input ${String(index)})`);
  return item;
}

/** Rows of the last axis are whole groups of four, which halves are written by. */
export function hasVec4Rows({ shape }: Spec): boolean {
  return (shape.at(-1) ?? 1) % 4 === 0;
}

/** Bytes of all inputs and outputs, each counted once: the least that must be moved. */
export function bytesOf(use: Use): number {
  return [...use.inputs, ...use.outputs].reduce((sum, spec) => sum + (spec === null ? 0 : specBytes(spec)), 0);
}

export function specBytes(spec: Spec): number {
  return storageBytes(spec);
}

/** The error of a launch that no cut makes fit: what is bound in one piece, its bytes, and the device's limit. */
export function tooLarge(what: string, bytes: number, limit: number): CodedError {
  return new CodedError(
    'gpu/memory',
    `The GPU binds at most ${limit} bytes at once, and ${what} needs ${bytes}. Choose a shorter sequence length or a smaller model.`,
  );
}

export function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
