/** Launches of nodes. Nodes of one op with the same attributes and shapes share one: the layers of a model are alike. */

import type { Launch, Spec, Target } from '../../kernels/op';
import type { Node } from './graph';

export type LaunchOf = (node: Node) => Launch;

/** Asks each kind of node once. */
export function launcher(target: Target): LaunchOf {
  const known = new Map<string, Launch>();
  return (node) => {
    const key = kindOf(node);
    const launch = known.get(key) ?? node.op.launch(node, node.attrs, target);
    known.set(key, launch);
    return launch;
  };
}

/** Everything that a launch depends on beside the device. */
function kindOf({ op, attrs, inputs, outputs }: Node): string {
  const specs = (values: readonly (Spec | null)[]) => values.map((spec) => spec && `${spec.dtype}[${spec.shape.join()}]`).join();
  return `${op.name} ${JSON.stringify(attrs)} ${specs(inputs)} ${specs(outputs)}`;
}
