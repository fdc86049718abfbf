/** Reverse-mode differentiation: appends the nodes of the gradient to the program that made the values. */

import { internal } from '../core/errors';
import { add } from '../../kernels/add';
import type { Value } from '../../kernels/op';
import type { Node, Program } from './graph';

/**
 * Appends d(Σ seed·value)/d(wanted) for every pair of `seeds` (value → cotangent of its shape). Returns wanted value →
 * gradient; values that nothing depends on are absent.
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

/** Adds what `node` contributes to the cotangents of its inputs. */
function differentiate(program: Program, node: Node, active: ReadonlySet<Value>, cotangents: Map<Value, Value>): void {
  const outputs = node.outputs.map((value) => cotangents.get(value) ?? null);
  const needs = node.inputs.map((value) => value !== null && active.has(value));
  if (!needs.includes(true) || outputs.every((value) => value === null)) return;
  if (node.op.gradient === null) throw internal(`${node.op.name} has no derivative`);
  const inputs = node.op.gradient(program, node, outputs, needs);
  node.inputs.forEach((value, i) => {
    const part = inputs[i] ?? null;
    if (value !== null && part !== null && needs[i] === true) accumulate(program, cotangents, value, part);
  });
}

function entry(value: Value, gradientOf: Value | undefined): [Value, Value][] {
  return gradientOf === undefined ? [] : [[value, gradientOf]];
}

function accumulate(program: Program, cotangents: Map<Value, Value>, value: Value, part: Value): void {
  const known = cotangents.get(value);
  cotangents.set(value, known === undefined ? part : add(program, known, part));
}

/** Values that depend on one of `wanted`, those included. */
function dependents(nodes: Program['nodes'], wanted: readonly Value[]): Set<Value> {
  const active = new Set(wanted);
  for (const node of nodes) {
    if (node.inputs.some((value) => value !== null && active.has(value))) for (const output of node.outputs) active.add(output);
  }
  return active;
}
