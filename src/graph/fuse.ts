/**
 * Fuses sums into the kernels that compute their terms. The backward pass of a LoRA layer is dx = dy·W + du·A, which autodiff writes as
 * two products and a sum; one extended product computes it. The gradient of a residual is added by the kernel that computes the other
 * term, and the gradient of a parameter is added to the accumulated gradients of the earlier micro-batches as soon as it is there.
 */

import { accumulateOp } from '../../kernels/accumulate';
import { addOp } from '../../kernels/add';
import { layernormBackwardOp } from '../../kernels/layernorm';
import { lowrankOp, lowrankSumOp } from '../../kernels/lowrank';
import { matmulOp } from '../../kernels/matmul';
import type { Op, Value } from '../../kernels/op';
import { rmsnormBackwardOp } from '../../kernels/rmsnorm';
import { scaleOp } from '../../kernels/scale';
import type { Node } from './graph';
import { asUse, makeNode, useOf } from './node';

/** Ops that add an optional input called `addend` to their output. */
const ADDEND_OPS: ReadonlySet<Op> = new Set<Op>([matmulOp, rmsnormBackwardOp, layernormBackwardOp]);

/**
 * The same computation with `add(matmul, lowrank)` as one extended product, `x` of `add(op, x)` as the op's addend, and
 * `accumulate(state, …)` next to the node that computes what is added, or as a part of it.
 */
export function fuse(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const uses = countUses(nodes, outputs);
  return fuseAccumulation(fuseSums(nodes, uses), uses);
}

/**
 * Adds gradients to the state where they are computed. Otherwise all of them stay in memory until the end of the program. The terms of a
 * sum, such as those of a weight that is used twice, are added one by one for the same reason.
 */
function fuseAccumulation(nodes: readonly Node[], uses: ReadonlyMap<Value, number>): Node[] {
  const producer = new Map(nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
  const stateOf = new Map<Value, Value>();
  const replaced = new Set<Node>();
  for (const node of nodes) {
    const { state, x } = asUse(node, accumulateOp)?.inputs ?? {};
    if (state === undefined || x === undefined || !producer.has(x)) continue;
    if (uses.get(state) !== 1 || uses.get(x) !== 1) continue;
    replaced.add(node);
    for (const term of termsOf(x, { uses, producer, replaced })) stateOf.set(term, state);
  }
  return nodes.filter((node) => !replaced.has(node)).flatMap((node) => withAccumulation(node, stateOf));
}

interface Sums {
  readonly uses: ReadonlyMap<Value, number>;
  readonly producer: ReadonlyMap<Value, Node>;
  /** Gets the sums that are replaced by their terms. */
  readonly replaced: Set<Node>;
}

/** The values whose sum is `x`: the operands of a sum when nothing else reads them, else `x` itself. */
function termsOf(x: Value, sums: Sums): readonly Value[] {
  const { uses, producer, replaced } = sums;
  const node = producer.get(x);
  const sum = node === undefined ? null : asUse(node, addOp);
  if (node === undefined || sum === null) return [x];
  const operands = [sum.inputs.a, sum.inputs.b];
  if (!operands.every((value) => producer.has(value) && uses.get(value) === 1)) return [x];
  replaced.add(node);
  return operands.flatMap((value) => termsOf(value, sums));
}

/** The node, and the addition of its results to the states that they belong to. */
function withAccumulation(node: Node, stateOf: ReadonlyMap<Value, Value>): Node[] {
  const product = asUse(node, lowrankOp);
  const into = product?.attrs.layout === 'tn' ? stateOf.get(product.outputs.y) : undefined;
  if (product !== null && into !== undefined) {
    const { inputs, attrs } = product;
    const use = { inputs: { ...inputs, state: into }, outputs: { state: into }, attrs: { scale: attrs.scale } };
    return [makeNode(node, lowrankSumOp, use)];
  }
  const scaled = asUse(node, scaleOp);
  const target = scaled === null ? undefined : stateOf.get(scaled.outputs.y);
  if (scaled !== null && target !== undefined) return [accumulation(node, target, scaled.inputs.x, scaled.inputs.s)];
  const additions = node.outputs.flatMap((x) => {
    const state = stateOf.get(x);
    return state === undefined ? [] : [accumulation(node, state, x, null)];
  });
  return [node, ...additions];
}

function accumulation(node: Node, state: Value, x: Value, factor: Value | null): Node {
  return makeNode(node, accumulateOp, { inputs: { state, x, factor }, outputs: { state }, attrs: {} });
}

function fuseSums(nodes: readonly Node[], uses: ReadonlyMap<Value, number>): Node[] {
  const producer = new Map<Value, Node>();
  const merged = new Set<Node>();
  const soleProducer: SoleProducer = (value) => (uses.get(value) === 1 ? producer.get(value) : undefined);
  const result = nodes.map((original) => {
    const node = merge(original, soleProducer, merged);
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

/** The node that computes a value, when nothing else reads it. */
type SoleProducer = (value: Value) => Node | undefined;

/**
 * A sum as one node that also computes one of its terms; nodes that it replaces are added to `merged`. Any other node as it is. The
 * later term is tried first: only the later of two products can still be extended by the other.
 */
function merge(node: Node, soleProducer: SoleProducer, merged: Set<Node>): Node {
  const sum = asUse(node, addOp);
  if (sum === null) return node;
  const { a, b } = sum.inputs;
  for (const [term, other] of [
    [b, a],
    [a, b],
  ] as const) {
    const host = soleProducer(term);
    if (host === undefined || !ADDEND_OPS.has(host.op)) continue;
    const part = soleProducer(other);
    const extended = part === undefined ? null : extend(host, part, sum.outputs.sum);
    if (extended !== null && part !== undefined) {
      merged.add(host).add(part);
      return extended;
    }
    if (part?.op === lowrankOp || useOf(host).inputs['addend'] !== null) continue;
    merged.add(host);
    return { ...host, inputs: host.inputs.with(host.op.inputs.indexOf('addend'), other), outputs: node.outputs };
  }
  return node;
}

/** matmul + lowrank of the same layout as one extended matmul; null when they cannot be combined. */
function extend(host: Node, part: Node, y: Value): Node | null {
  const product = asUse(host, matmulOp);
  const small = asUse(part, lowrankOp);
  if (product === null || small === null || small.attrs.layout !== product.attrs.layout || product.inputs.p !== null) return null;
  const { a: p, b: q } = small.inputs;
  const attrs = { layout: product.attrs.layout, scale: small.attrs.scale };
  return makeNode(host, matmulOp, { inputs: { ...product.inputs, p, q }, outputs: { y }, attrs });
}
