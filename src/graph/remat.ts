/**
 * Rematerialisation: a result of the forward pass that the backward pass reads is either kept in memory, or recomputed right before its
 * first use. Recomputing runs the same nodes on the same inputs, and dropout draws the same numbers, so that the results are the same to
 * the bit. It trades time for memory.
 */

import { attentionOp } from '../../kernels/attention';
import type { Value } from '../../kernels/op';
import { sizeOf } from '../core/shape';
import { valueBytes, type Graph, type Node } from './graph';
import { costOf } from './node';

/**
 * What the forward pass keeps, from most memory to least.
 *
 * - all: every result.
 * - products: results of matrix products and attention. Cheap results (norms, activations, dropout) are recomputed.
 * - attention: in the first `layers` layers only the layer's input and the result of attention; in the others as `products`.
 * - inputs: in the first `layers` layers only the layer's input; in the others as `products`.
 */
export interface RematPolicy {
  readonly what: 'all' | 'products' | 'attention' | 'inputs';
  readonly layers: number;
}

export const KEEP_ALL: RematPolicy = { what: 'all', layers: 0 };

/** The policies for a model of `layers` layers, fastest first; each needs less memory than the one before. */
export function rematPolicies(layers: number): readonly RematPolicy[] {
  const quarters = [1, 2, 3, 4].map((quarter) => Math.ceil((quarter * layers) / 4));
  const partly = [...new Set(quarters)].map((count): RematPolicy => ({ what: 'attention', layers: count }));
  return [KEEP_ALL, { what: 'products', layers: 0 }, ...partly, { what: 'inputs', layers }];
}

/** `remat` and the policies that need less memory. */
export function rematPoliciesFrom(remat: RematPolicy, layers: number): readonly RematPolicy[] {
  const all = rematPolicies(layers);
  return all.slice(all.findIndex(({ what, layers: count }) => what === remat.what && count === remat.layers));
}

/** The nodes, with recomputation of the results that `remat` does not keep inserted before their first use in the backward pass. */
export function recompute(graph: Graph, nodes: readonly Node[], remat: RematPolicy): readonly Node[] {
  if (remat.what === 'all') return nodes;
  const producerOf = new Map(nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
  const dropped = droppedValues(nodes, remat);
  const recomputed = new Map<Value, Value>();
  const result: Node[] = [];
  const available = (value: Value | null): Value | null => {
    if (value === null || !dropped.has(value)) return value;
    if (!recomputed.has(value)) append(producerOf.get(value));
    return recomputed.get(value) ?? value;
  };
  const append = (node: Node | undefined) => {
    if (node === undefined) return;
    const inputs = node.inputs.map(available);
    const outputs = node.outputs.map((value) => graph.create(value.name, value.role, value.shape, value.dtype));
    node.outputs.forEach((value, i) => recomputed.set(value, outputs[i] ?? value));
    result.push({ ...node, inputs, outputs, pass: 'recompute' });
  };
  for (const node of nodes) {
    const inputs = node.pass === 'backward' ? node.inputs.map(available) : node.inputs;
    result.push({ ...node, inputs });
  }
  return result;
}

/** Results that are not kept: those that can be recomputed from what is kept. */
function droppedValues(nodes: readonly Node[], remat: RematPolicy): ReadonlySet<Value> {
  const read = { backward: new Set<Value>(), outside: new Set<Value>() };
  const layerOf = new Map<Value, number | null>();
  for (const node of nodes) {
    for (const value of node.inputs) {
      if (value?.role !== 'temp') continue;
      if (node.pass === 'backward') read.backward.add(value);
      else if (layerOf.get(value) !== node.layer) read.outside.add(value);
    }
    for (const value of node.outputs) layerOf.set(value, node.layer);
  }
  const dropped = new Set<Value>();
  for (const node of nodes) {
    if (node.pass !== 'forward' || node.layer === null || node.op.updates !== undefined) continue;
    if (!isRecomputed(node, node.layer, remat, read.backward, dropped)) continue;
    for (const value of mainResults(node)) if (!read.outside.has(value)) dropped.add(value);
  }
  return dropped;
}

function isRecomputed(
  node: Node,
  layer: number,
  { what, layers }: RematPolicy,
  needed: ReadonlySet<Value>,
  dropped: ReadonlySet<Value>,
): boolean {
  if (what !== 'products' && layer < layers) return what === 'inputs' || node.op !== attentionOp;
  return isCheap(node) && extraBytes(node, needed, dropped) < sum(node.outputs.map(valueBytes));
}

/** Operations per element up to which it costs less to recompute a result than to keep it. */
const CHEAP = 16;

function isCheap(node: Node): boolean {
  return costOf(node).flops <= CHEAP * sum(node.outputs.map(({ shape }) => sizeOf(shape)));
}

/** Bytes of inputs that would have to be kept for this node only. */
function extraBytes({ inputs }: Node, needed: ReadonlySet<Value>, dropped: ReadonlySet<Value>): number {
  const kept = inputs.filter((value): value is Value => value?.role === 'temp' && !needed.has(value) && !dropped.has(value));
  return sum(kept.map(valueBytes));
}

/** The outputs of a node without small ones (rstd, lse), which are not worth recomputing. */
function mainResults({ outputs }: Node): readonly Value[] {
  const largest = Math.max(...outputs.map(valueBytes));
  return outputs.filter((value) => 16 * valueBytes(value) > largest);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
