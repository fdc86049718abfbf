/**
 * Recompute: what the backward pass needs of the forward pass is kept, or made once more right before it is needed. The same nodes
 * run on the same inputs, dropout draws the same numbers, so the results are the same bytes either way; memory is traded for time.
 */

import { attentionOp } from '../../kernels/attention';
import type { Value } from '../../kernels/op';
import { sizeOf } from '../core/shape';
import { valueBytes, type Graph, type Node } from './graph';
import { costOf } from './node';

/**
 * What is kept, from most memory to least.
 *
 * all: everything. products: results of matrix products and attention; what takes a few operations an element (norms,
 * activations, dropout) is made again. attention: of the first `layers` layers only their input and the result of their
 * attention, of the others the products. inputs: of the first `layers` layers only their input.
 */
export interface RematPolicy {
  readonly what: 'all' | 'products' | 'attention' | 'inputs';
  readonly layers: number;
}

export const KEEP_ALL: RematPolicy = { what: 'all', layers: 0 };

/** Ways to run a model of `layers` layers, fastest first, each with less memory than the one before. */
export function rematPolicies(layers: number): readonly RematPolicy[] {
  const quarters = [1, 2, 3, 4].map((quarter) => Math.ceil((quarter * layers) / 4));
  const partly = [...new Set(quarters)].map((count): RematPolicy => ({ what: 'attention', layers: count }));
  return [KEEP_ALL, { what: 'products', layers: 0 }, ...partly, { what: 'inputs', layers }];
}

/** `remat` and the ways that take less memory. */
export function rematPoliciesFrom(remat: RematPolicy, layers: number): readonly RematPolicy[] {
  const all = rematPolicies(layers);
  return all.slice(all.findIndex((way) => way.what === remat.what && way.layers === remat.layers));
}

/** The nodes with those results made again, before their first use in the backward pass, that `remat` does not keep. */
export function recompute(graph: Graph, nodes: readonly Node[], remat: RematPolicy): readonly Node[] {
  if (remat.what === 'all') return nodes;
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
  const dropped = droppedValues(nodes, remat);
  const again = new Map<Value, Value>();
  const result: Node[] = [];
  const remade = (value: Value | null): Value | null => {
    if (value === null || !dropped.has(value)) return value;
    if (!again.has(value)) remake(makers.get(value));
    return again.get(value) ?? value;
  };
  const remake = (node: Node | undefined) => {
    if (node === undefined) return;
    const inputs = node.inputs.map(remade);
    const outputs = node.outputs.map((value) => graph.create(value.name, value.role, value.shape, value.dtype));
    node.outputs.forEach((value, i) => again.set(value, outputs[i] ?? value));
    result.push({ ...node, inputs, outputs, pass: 'recompute' });
  };
  for (const node of nodes) {
    const inputs = node.pass === 'backward' ? node.inputs.map(remade) : node.inputs;
    result.push({ ...node, inputs });
  }
  return result;
}

/** Results that are not kept: all that the backward pass can make again from what is. */
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

/** Operations an element up to which making a result again costs less than it would to keep it. */
const CHEAP = 16;

function isCheap(node: Node): boolean {
  return costOf(node).flops <= CHEAP * sum(node.outputs.map(({ shape }) => sizeOf(shape)));
}

/** Inputs that would be kept for this node alone. */
function extraBytes({ inputs }: Node, needed: ReadonlySet<Value>, dropped: ReadonlySet<Value>): number {
  const kept = inputs.filter((value): value is Value => value?.role === 'temp' && !needed.has(value) && !dropped.has(value));
  return sum(kept.map(valueBytes));
}

/** The results of a node without its small change: the norm of a row takes no memory worth making it again. */
function mainResults({ outputs }: Node): readonly Value[] {
  const largest = Math.max(...outputs.map(valueBytes));
  return outputs.filter((value) => 16 * valueBytes(value) > largest);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
