/** Launches of nodes. Nodes of one op with the same attributes and shapes share a launch: the layers of a model are alike. */

import type { Launch, Spec, Target } from '../../kernels/op';
import type { Node } from './graph';
import { launchNode } from './node';

export type LaunchOf = (node: Node) => Launch;

/** Computes the launch of each kind of node once. */
export function launcher(target: Target): LaunchOf {
  const known = new Map<string, Launch>();
  return (node) => {
    const key = kindOf(node);
    const launch = known.get(key) ?? launchNode(node, target);
    known.set(key, launch);
    return launch;
  };
}

/** Everything that a launch depends on besides the device. */
function kindOf({ op, attrs, inputs, outputs }: Node): string {
  const specs = (values: readonly (Spec | null)[]) => values.map((spec) => spec && `${spec.dtype}[${spec.shape.join()}]`).join();
  return `${op.name} ${JSON.stringify(attrs)} ${specs(inputs)} ${specs(outputs)}`;
}
