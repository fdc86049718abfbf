/**
 * Merges sums into what they sum. The backward pass of a LoRA layer is dx = dy·W + du·A, which autodiff writes as two products and
 * a sum, and the tile loop can do as one; a residual's gradient is added by the kernel that makes the other part, and an
 * adapter's gradient goes where the micro-batches before left theirs.
 */

import { accumulateOp } from '../../kernels/accumulate';
import { addOp } from '../../kernels/add';
import { lowrankOp, lowrankSumOp, type LowrankAttrs } from '../../kernels/lowrank';
import { matmulOp, type MatmulAttrs } from '../../kernels/matmul';
import type { Op, Value } from '../../kernels/op';
import { rmsnormBackwardOp } from '../../kernels/rmsnorm';
import type { Node } from './graph';

/** Places of matmul's inputs. */
const P = 2;
const Q = 3;
/** Ops that add one of their inputs to the result, and its place. */
const ADDENDS = new Map<Op, number>([
  [matmulOp, 5],
  [rmsnormBackwardOp, 4],
]);

/**
 * The same computation with `add(matmul, lowrank)` as one extended product, `x` of `add(op, x)` as the op's addend, and
 * `accumulate(state, lowrank)` as a sum into the state.
 */
export function fuse(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const uses = countUses(nodes, outputs);
  return gather(fuseSums(nodes, uses), uses);
}

/** Sums over tokens go to the state as they are made: at the end of the program all of them would have waited in memory. */
function gather(nodes: readonly Node[], uses: ReadonlyMap<Value, number>): Node[] {
  const once = (value: Value | null | undefined): value is Value => value != null && uses.get(value) === 1;
  const waiting = new Map<Value, Node>();
  for (const node of nodes) {
    const [state, part] = node.inputs;
    if (node.op === accumulateOp && once(state) && once(part)) waiting.set(part, node);
  }
  const gathered = new Set<Node>();
  const result = nodes.map((node) => {
    const [value] = node.outputs;
    const sum = value === undefined ? undefined : waiting.get(value);
    const { layout, scale } = node.attrs as LowrankAttrs;
    if (sum === undefined || node.op !== lowrankOp || layout !== 'tn') return node;
    gathered.add(sum);
    const [state = null] = sum.inputs;
    return { ...node, op: lowrankSumOp, attrs: { scale }, inputs: [...node.inputs, state], outputs: sum.outputs };
  });
  return result.filter((node) => !gathered.has(node));
}

function fuseSums(nodes: readonly Node[], uses: ReadonlyMap<Value, number>): Node[] {
  const producer = new Map<Value, Node>();
  const merged = new Set<Node>();
  const result = nodes.map((original) => {
    const node = original.op === addOp ? merge(original, (value) => soleProducer(value, producer, uses), merged) : original;
    for (const value of node.outputs) producer.set(value, node);
    return node;
  });
  return result.filter((node) => !merged.has(node));
}

function countUses(nodes: readonly Node[], outputs: readonly Value[]): Map<Value, number> {
  const uses = new Map<Value, number>();
  const count = (value: Value | null) => value !== null && uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of nodes) node.inputs.forEach(count);
  outputs.forEach(count);
  return uses;
}

/** The node that made `value`, when nothing else reads it. */
function soleProducer(
  value: Value | null | undefined,
  producer: ReadonlyMap<Value, Node>,
  uses: ReadonlyMap<Value, number>,
): Node | undefined {
  return value !== null && value !== undefined && uses.get(value) === 1 ? producer.get(value) : undefined;
}

/** The sum as one product, its parts added to `merged`; or the sum itself. The later product is tried first: only it can still be extended. */
function merge(sum: Node, soleProducerOf: (value: Value | null | undefined) => Node | undefined, merged: Set<Node>): Node {
  const [first, second] = sum.inputs;
  for (const [host, other] of [
    [soleProducerOf(second), first],
    [soleProducerOf(first), second],
  ] as const) {
    const place = host && ADDENDS.get(host.op);
    if (host === undefined || place === undefined || other === null || other === undefined) continue;
    const part = soleProducerOf(other);
    const extended = part === undefined ? null : extend(host, part, sum);
    if (extended !== null && part !== undefined) {
      merged.add(host).add(part);
      return extended;
    }
    if (part?.op === lowrankOp || host.inputs[place] !== null) continue;
    merged.add(host);
    return { ...host, inputs: host.inputs.with(place, other), outputs: sum.outputs };
  }
  return sum;
}

/** matmul + lowrank of the same layout as one extended matmul; null when they do not fit together. */
function extend(host: Node, part: Node, sum: Node): Node | null {
  if (host.op !== matmulOp || part.op !== lowrankOp) return null;
  const { layout } = host.attrs as MatmulAttrs;
  const small = part.attrs as MatmulAttrs;
  const [p, q] = part.inputs;
  if (small.layout !== layout || host.inputs[P] !== null || p === undefined || q === undefined) return null;
  const attrs: MatmulAttrs = { layout, scale: small.scale };
  return { ...host, attrs, inputs: host.inputs.with(P, p).with(Q, q), outputs: sum.outputs };
}
