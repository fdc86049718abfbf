/** Where the time of a step goes: the nodes of each kind, run by themselves. */

import type { Device } from '../../src/gpu/device';
import type { Node } from '../../src/graph/graph';
import type { Plan } from '../../src/graph/plan';
import type { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { costOf, limitOf, planSubject, syncOf } from './engine';
import type { Ceilings, Share } from './report';
import { time } from './timing';

const SAMPLES = 3;

/** The kinds of node in `plans`, slowest first. Their values hold what the last run left, or zeros: the work is the same. */
export async function splitStep(
  device: Device,
  executor: WebGpuExecutor,
  plans: readonly Plan[],
  ceilings: Ceilings,
): Promise<Share[]> {
  const shares: Share[] = [];
  for (const plan of plans) {
    const memory = executor.memoryOf(plan);
    for (const [name, nodes] of byKind(plan.nodes)) {
      const { flops, bytes } = costOf(nodes);
      const limit = flops / ceilings.flops.value > bytes / ceilings.bytes.value ? 'compute' : 'memory';
      const kind = nodes[0]?.pass === 'recompute' ? 'recompute' : limit;
      const subject = planSubject(executor, { ...plan, nodes, flops }, memory);
      const { ms } = await time(subject, syncOf(device), SAMPLES);
      subject.dispose();
      shares.push({ name, nodes: nodes.length, kind, ms, flops, fraction: limitOf(nodes, ceilings) / ms });
    }
  }
  return shares.sort((a, b) => b.ms - a.ms);
}

function byKind(nodes: readonly Node[]): Map<string, Node[]> {
  const groups = new Map<string, Node[]>();
  for (const node of nodes) groups.set(kindOf(node), [...(groups.get(kindOf(node)) ?? []), node]);
  return groups;
}

/** Products are told apart by layout and whether they are extended; other ops by name. What is made again counts apart. */
function kindOf({ op, attrs, inputs, pass }: Node): string {
  const again = pass === 'recompute' ? ' again' : '';
  if (!('layout' in attrs)) return `${op.name}${again}`;
  const extended = op.name === 'matmul' && inputs[2] !== null ? ' + low rank' : '';
  return `${op.name} ${String(attrs.layout)}${extended}${again}`;
}
