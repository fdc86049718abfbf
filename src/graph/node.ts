/** Nodes as the rules of ops see them: inputs and outputs by name. */

import { launchOp } from '../../kernels/lib/launch';
import { listed, named, type Names } from '../../kernels/lib/named';
import type { Cost, F16Support, Launch, Op, Target, Use, Value } from '../../kernels/op';
import type { Mark, Node } from './graph';

export function useOf({ op, inputs, outputs }: Node): Use<Names, Names, Value> {
  return { inputs: named(op.inputs, inputs), outputs: named(op.outputs, outputs) };
}

export function costOf(node: Node): Cost {
  return node.op.cost(useOf(node), node.attrs);
}

/** The launch of the node on a device. */
export function launchNode(node: Node, target: Target): Launch {
  return launchOp(node.op, useOf(node), node.attrs, target);
}

/** Which activations of the node may be f16. */
export function f16Of(node: Node): F16Support {
  return node.op.f16?.(useOf(node), node.attrs) ?? { inputs: [], outputs: [] };
}

/** A node that is known to be a use of one op. */
export type UseOf<I extends Names, O extends Names, A extends object> = Use<I, O, Value> & { readonly attrs: A };

/** The node's inputs, outputs and attributes when it is a use of `op`, else null. */
export function asUse<I extends Names, O extends Names, A extends object>(node: Node, op: Op<I, O, A>): UseOf<I, O, A> | null {
  // Nodes are only made from an op together with its own records, so the op determines their types.
  return node.op === op ? ({ ...useOf(node), attrs: node.attrs } as UseOf<I, O, A>) : null;
}

/** A use of `op` at the place of `mark`. */
export function makeNode<I extends Names, O extends Names, A extends object>(
  mark: Mark,
  op: Op<I, O, A>,
  use: UseOf<I, O, A>,
): Node;
export function makeNode({ layer, pass }: Mark, op: Op, { inputs, outputs, attrs }: UseOf<Names, Names, object>): Node {
  const present = listed(op.outputs, outputs).filter((value) => value !== null);
  return { op, attrs, layer, pass, inputs: listed(op.inputs, inputs), outputs: present };
}
