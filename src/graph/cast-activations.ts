/**
 * Stores activations in f16, which halves their memory and traffic. A temporary is cast when the op that computes it can write f16 and
 * every op that reads it can read f16; kernels still compute in f32. The residual stream and its gradient, narrow results and the loss
 * stay f32, because ops only declare the inputs and outputs for which f16 is precise enough.
 */

import type { Value } from '../../kernels/op';
import type { Graph, Node } from './graph';
import { f16Of } from './node';

/** The nodes with temporaries cast to f16 where possible. `outputs` go to the host and stay as they are. */
export function castActivations(graph: Graph, nodes: readonly Node[], outputs: readonly Value[]): readonly Node[] {
  const refused = new Set([...outputs, ...nodes.flatMap(f32Inputs)]);
  const casts = new Map<Value, Value>();
  return nodes.map((node) => {
    const read = { ...node, inputs: node.inputs.map((value) => value && (casts.get(value) ?? value)) };
    const allowed = new Set(f16Of(read).outputs);
    return { ...read, outputs: node.outputs.map((value, i) => (allowed.has(node.op.outputs[i] ?? '') ? cast(value) : value)) };
  });

  function cast(value: Value): Value {
    if (value.role !== 'temp' || refused.has(value)) return value;
    const made = graph.create(value.name, value.role, value.shape, 'f16');
    casts.set(value, made);
    return made;
  }
}

/** The inputs that the node can only read in f32. */
function f32Inputs(node: Node): Value[] {
  const readable = new Set(f16Of(node).inputs);
  return node.inputs.filter((value, i): value is Value => value !== null && !readable.has(node.op.inputs[i] ?? ''));
}
