/**
 * The planner: removes nodes whose results are not used, fuses sums into the kernels that produce their terms, stores activations in f16,
 * and recomputes what the remat policy does not keep. `layOut` (memory.ts) then allocates the temporaries for a device.
 */

import type { Value } from '../../kernels/op';
import { castActivations } from './cast-activations';
import { fuse } from './fuse';
import type { Node, Program } from './graph';
import { costOf } from './node';
import { KEEP_ALL, recompute, type RematPolicy } from './remat';

export interface Plan {
  readonly name: string;
  readonly nodes: readonly Node[];
  /** Downloaded to the host after each run. */
  readonly outputs: readonly Value[];
  /** `lastUse[i]`: temporaries that node i is the last to read or write, outputs of the plan excluded. */
  readonly lastUse: readonly (readonly Value[])[];
  /** Floating-point operations of one run. */
  readonly flops: number;
  /** Of these, operations that recompute results of the forward pass. */
  readonly recomputed: number;
  /** The whole plan is one submit, on a slow device too: for short plans whose result the host waits for. */
  readonly oneSubmit?: boolean;
}

/** How activations are stored; see cast-activations.ts. */
export type Activations = 'f32' | 'f16';

/** Plans a program whose results are `outputs` and its updates of state. `remat`: what the forward pass keeps for the backward pass. */
export function plan(
  program: Program,
  outputs: readonly Value[],
  remat: RematPolicy = KEEP_ALL,
  activations: Activations = 'f32',
): Plan {
  const fused = fuse(liveNodes(program.nodes, outputs), outputs);
  const stored = activations === 'f16' ? castActivations(program.graph, fused, outputs) : fused;
  const nodes = recompute(program.graph, stored, remat);
  return {
    name: program.name,
    nodes,
    outputs,
    lastUse: lastUses(nodes, outputs),
    flops: flopsOf(nodes),
    recomputed: flopsOf(nodes.filter(({ pass }) => pass === 'recompute')),
  };
}

function flopsOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, node) => sum + costOf(node).flops, 0);
}

/** Nodes that contribute to an output or update a state, in their order. */
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
