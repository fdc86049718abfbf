/**
 * Activations in f16. What one node makes and only others read that take halves is stored in 16 bits, half the memory and traffic;
 * every kernel still computes in f32. The residual stream and its gradient, narrow results and the loss stay in f32, because each op
 * says which of its inputs and outputs may be halves.
 */

import type { Value } from '../../kernels/op';
import type { Graph, Node } from './graph';

/** The nodes, with those of their temporaries in f16 that may be. `outputs` go to the host and stay as they are. */
export function castActivations(graph: Graph, nodes: readonly Node[], outputs: readonly Value[]): readonly Node[] {
  const refused = new Set([...outputs, ...nodes.flatMap(refusedInputs)]);
  const half = new Map<Value, Value>();
  return nodes.map((node) => {
    const stored = { ...node, inputs: node.inputs.map((value) => value && (half.get(value) ?? value)) };
    const allowed = node.op.f16?.(stored, node.attrs).outputs ?? [];
    return { ...stored, outputs: node.outputs.map((value, i) => (allowed.includes(i) ? store(value) : value)) };
  });

  function store(value: Value): Value {
    if (value.role !== 'temp' || refused.has(value)) return value;
    const made = graph.create(value.name, value.role, value.shape, 'f16');
    half.set(value, made);
    return made;
  }
}

/** What a node can only read in f32. */
function refusedInputs(node: Node): Value[] {
  const taken = node.op.f16?.(node, node.attrs).inputs ?? [];
  return node.inputs.filter((value, i): value is Value => value !== null && !taken.includes(i));
}
