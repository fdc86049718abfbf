/**
 * The planner: drops nodes whose results nobody needs, merges what can be merged, and gives every temporary a slot. A slot is one buffer, used again by
 * later temporaries that fit. Slots rather than offsets in one arena, because WebGPU forbids a dispatch to bind one buffer
 * both read-only and writable, whatever the ranges: in one arena every input would have to be declared writable.
 */

import { byteLength } from '../core/dtype';
import { sizeOf } from '../core/shape';
import type { Value } from '../../kernels/op';
import { fuse } from './fuse';
import type { Node, Program } from './graph';

export interface Plan {
  readonly name: string;
  readonly nodes: readonly Node[];
  /** Handed to the host after each run. */
  readonly outputs: readonly Value[];
  /** Bytes of each slot. */
  readonly slots: readonly number[];
  readonly slotOf: ReadonlyMap<Value, number>;
  /** `lastUse[i]`: temporaries that node i is the last to touch (outputs of the plan left out). */
  readonly lastUse: readonly (readonly Value[])[];
  /** The most bytes of temporaries that live at one time: the least any planner could do. */
  readonly peakLive: number;
  /** Floating-point operations of one run. */
  readonly flops: number;
}

/** Plans a program whose results are `outputs` and its updates of state. */
export function plan(program: Pick<Program, 'name' | 'nodes'>, outputs: readonly Value[]): Plan {
  const nodes = fuse(liveNodes(program.nodes, outputs), outputs);
  const lastUse = lastUses(nodes, outputs);
  return {
    name: program.name,
    nodes,
    outputs,
    lastUse,
    ...assignSlots(nodes, lastUse),
    flops: nodes.reduce((sum, node) => sum + node.op.cost(node, node.attrs).flops, 0),
  };
}

/** Bytes of a value in storage. */
export function valueBytes(value: Value): number {
  return byteLength(value.dtype, sizeOf(value.shape));
}

/** Bytes of all slots. */
export function slotBytes(planned: Plan): number {
  return planned.slots.reduce((sum, bytes) => sum + bytes, 0);
}

/** Nodes that lead to an output or update a state, in their order. */
function liveNodes(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const needed = new Set(outputs);
  const live: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (node.op.updates === undefined && !node.outputs.some((value) => needed.has(value))) continue;
    live.push(node);
    for (const input of node.inputs) if (input !== null) needed.add(input);
  }
  return live.reverse();
}

function touched(node: Node): Value[] {
  return [...node.inputs, ...node.outputs].filter((value): value is Value => value?.role === 'temp');
}

function lastUses(nodes: readonly Node[], outputs: readonly Value[]): Value[][] {
  const kept = new Set(outputs);
  return nodes
    .toReversed()
    .map((node) => {
      const last = [...new Set(touched(node))].filter((value) => !kept.has(value));
      for (const value of last) kept.add(value);
      return last;
    })
    .reverse();
}

function assignSlots(
  nodes: readonly Node[],
  lastUse: readonly (readonly Value[])[],
): Pick<Plan, 'slots' | 'slotOf' | 'peakLive'> {
  const slots: number[] = [];
  const free = new Set<number>();
  const slotOf = new Map<Value, number>();
  let live = 0;
  let peakLive = 0;
  nodes.forEach((node, i) => {
    // Outputs take their slots before inputs give theirs back, so a dispatch never reads and writes one buffer.
    for (const value of node.outputs) {
      if (value.role !== 'temp') continue;
      slotOf.set(value, takeSlot(slots, free, valueBytes(value)));
      live += valueBytes(value);
    }
    peakLive = Math.max(peakLive, live);
    for (const value of lastUse[i] ?? []) {
      free.add(slotOf.get(value) ?? -1);
      live -= valueBytes(value);
    }
  });
  return { slots, slotOf, peakLive };
}

/** The free slot that fits best; else the largest free one, grown; else a new one. */
function takeSlot(slots: number[], free: Set<number>, bytes: number): number {
  const size = (slot: number) => slots[slot] ?? 0;
  const bySize = [...free].sort((a, b) => size(a) - size(b));
  const chosen = bySize.find((slot) => size(slot) >= bytes) ?? bySize.at(-1) ?? slots.length;
  free.delete(chosen);
  slots[chosen] = Math.max(size(chosen), bytes);
  return chosen;
}
