/** What nodes need on the processor: their launches, and the bytes of their values. */

import { sizeOf } from '../core/shape';
import { processOp } from '../../kernels/lib/launch';
import { listed, named } from '../../kernels/lib/named';
import type { Processor, ProcessorLaunch, Value, Work } from '../../kernels/op';
import { valueBytes, type Node } from './graph';
import { useOf } from './node';

/** Activations in f16 are held as f32 and rounded; weights and caches in f16 are held as they are. */
export function isRounded({ role, dtype }: Value): boolean {
  return dtype === 'f16' && (role === 'temp' || role === 'input');
}

/** Bytes of a value in the processor's memory. */
export function heldBytes(value: Value): number {
  return isRounded(value) ? 4 * sizeOf(value.shape) : valueBytes(value);
}

/** The launch of a node on the processor; null where its op has no kernel there. */
export function processorLaunch(node: Node, processor: Processor): ProcessorLaunch | null {
  const held = (value: Value | null) => value && (isRounded(value) ? { ...value, dtype: 'f32' as const } : value);
  const { op, attrs } = node;
  const { inputs, outputs } = useOf(node);
  const use = {
    inputs: named(op.inputs, listed(op.inputs, inputs).map(held)),
    outputs: named(op.outputs, listed(op.outputs, outputs).map(held)),
  };
  const launch = processOp(op, use, attrs, processor);
  if (launch === null) return null;
  const rounding = node.outputs.flatMap((value, index) => (isRounded(value) ? [roundWork(value, index)] : []));
  return { ...launch, work: [...launch.work, ...rounding] };
}

/** Elements of a unit; see rounding.wasm.ts. */
const ROUNDED = 4096;

/** Rounds an output to f16 in its place. */
function roundWork(value: Value, index: number): Work {
  const count = sizeOf(value.shape);
  return { kernel: 'round_f16', units: Math.ceil(count / ROUNDED), args: [{ from: 'output', index }, count] };
}
