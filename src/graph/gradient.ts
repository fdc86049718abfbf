/** Reverse-mode differentiation: appends the nodes of the gradient to the program that computes the values. */

import { internal } from '../core/errors';
import { add } from '../../kernels/add';
import { named } from '../../kernels/lib/named';
import type { Value } from '../../kernels/op';
import type { Node, Program } from './graph';
import { useOf } from './node';

/**
 * Appends d(Σ seed·value)/d(wanted) for every pair of `seeds` (value → cotangent of its shape). Returns wanted value → gradient. A
 * wanted value that no seeded value depends on is absent.
 */
export function gradient(
  program: Program,
  seeds: ReadonlyMap<Value, Value>,
  wanted: readonly Value[],
): ReadonlyMap<Value, Value> {
  const nodes = [...program.nodes];
  const active = dependents(nodes, wanted);
  const cotangents = new Map(seeds);
  for (const node of nodes.reverse()) {
    program.within({ layer: node.layer, pass: 'backward' }, () => differentiate(program, node, active, cotangents));
  }
  return new Map(wanted.flatMap((value) => entry(value, cotangents.get(value))));
}

/** Adds the contribution of `node` to the cotangents of its inputs. */
function differentiate(program: Program, node: Node, active: ReadonlySet<Value>, cotangents: Map<Value, Value>): void {
  const { op, attrs } = node;
  const outputs = node.outputs.map((value) => cotangents.get(value) ?? null);
  const needed = node.inputs.map((value) => value !== null && active.has(value));
  if (!needed.includes(true) || outputs.every((value) => value === null)) return;
  if (op.gradient === null) throw internal(`${op.name} has no derivative`);
  const wanted = Object.fromEntries(op.inputs.map((name, i) => [name, needed[i] === true]));
  const found = op.gradient(program, { ...useOf(node), attrs }, named(op.outputs, outputs), wanted);
  op.inputs.forEach((name, i) => {
    const [value, part] = [node.inputs[i] ?? null, found[name] ?? null];
    if (value !== null && part !== null && needed[i] === true) accumulate(program, cotangents, value, part);
  });
}

function entry(value: Value, gradientOf: Value | undefined): [Value, Value][] {
  return gradientOf === undefined ? [] : [[value, gradientOf]];
}

function accumulate(program: Program, cotangents: Map<Value, Value>, value: Value, part: Value): void {
  const known = cotangents.get(value);
  cotangents.set(value, known === undefined ? part : add(program, known, part));
}

/** Values that depend on a `wanted` value, and those values themselves. What counts as a constant does not depend on any. */
function dependents(nodes: Program['nodes'], wanted: readonly Value[]): Set<Value> {
  const active = new Set(wanted);
  for (const node of nodes) {
    if (node.constant) continue;
    if (node.inputs.some((value) => value !== null && active.has(value))) for (const output of node.outputs) active.add(output);
  }
  return active;
}
