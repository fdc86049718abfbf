/** Building blocks of the launches and costs of all ops. */

import { CodedError } from '../../src/core/errors';
import { storageBytes } from '../../src/core/dtype';
import type { Binding, Launch, Op, Operand, Processor, ProcessorLaunch, Spec, Target, Use } from '../op';
import { listed, named, type Names } from './named';

/** WebGPU's limit on workgroups in one dimension. */
const MAX_WORKGROUPS = 65535;

/**
 * Workgroups for `count` items, `perGroup` per workgroup, arranged in rows of `stride` workgroups. A kernel computes its linear
 * workgroup index as `wid.y * GRID + wid.x`, with GRID = `stride`, and must ignore items at or past `count`.
 */
export function linearGrid(count: number, perGroup: number): { workgroups: readonly [number, number, number]; stride: number } {
  const groups = Math.max(1, Math.ceil(count / perGroup));
  const stride = Math.min(groups, MAX_WORKGROUPS);
  return { workgroups: [stride, Math.ceil(groups / stride), 1], stride };
}

export function read({ from, index, dtype }: Operand, range?: Binding['range']): Binding {
  return { from, index, access: 'read', f16: dtype === 'f16', ...(range && { range }) };
}

export function write({ from, index, dtype }: Operand, range?: Binding['range']): Binding {
  return { from, index, access: 'write', f16: dtype === 'f16', ...(range && { range }) };
}

export function readScratch(index: number): Binding {
  return { from: 'scratch', index, access: 'read' };
}

export function writeScratch(index: number): Binding {
  return { from: 'scratch', index, access: 'write' };
}

/** The launch of one use of `op`. */
export function launchOp<I extends Names, O extends Names, A extends object>(
  op: Op<I, O, A>,
  use: Use<I, O>,
  attrs: A,
  target: Target,
): Launch;
export function launchOp(op: Op, { inputs, outputs }: Use, attrs: object, target: Target): Launch {
  const operands = { inputs: operandsOf('input', op.inputs, inputs), outputs: operandsOf('output', op.outputs, outputs) };
  return op.launch(operands, attrs, target);
}

function operandsOf(from: Operand['from'], names: Names, specs: Use['inputs']): Readonly<Record<string, Operand | null>> {
  const operands = listed(names, specs).map((spec, index) => spec && { shape: spec.shape, dtype: spec.dtype, from, index });
  return named(names, operands);
}

/** Rows of the last axis are a multiple of four elements, as f16 outputs need. */
export function hasVec4Rows({ shape }: Spec): boolean {
  return (shape.at(-1) ?? 1) % 4 === 0;
}

/** Bytes of all inputs and outputs, each counted once. */
export function bytesOf({ inputs, outputs }: Use): number {
  return [...Object.values(inputs), ...Object.values(outputs)].reduce(
    (sum, spec) => sum + (spec === null ? 0 : specBytes(spec)),
    0,
  );
}

export function specBytes(spec: Spec): number {
  return storageBytes(spec);
}

/** The error of a launch that cannot be split into small enough bindings: what must be bound in one piece, its bytes, the limit. */
export function tooLarge(what: string, bytes: number, limit: number): CodedError {
  return new CodedError(
    'gpu/memory',
    `The GPU binds at most ${limit} bytes at once, and ${what} needs ${bytes}. Choose a shorter sequence length or a smaller model.`,
  );
}

export function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** The launch of one use of `op` on the processor; null when it has no kernel there. */
export function processOp(op: Op, { inputs, outputs }: Use, attrs: object, processor: Processor): ProcessorLaunch | null {
  const operands = { inputs: operandsOf('input', op.inputs, inputs), outputs: operandsOf('output', op.outputs, outputs) };
  return op.processor?.(operands, attrs, processor) ?? null;
}
