/** The time of a step by kind of node, each kind run alone. */

import { matmulOp } from '../../kernels/matmul';
import type { Executor } from '../../src/graph/executor';
import type { Node } from '../../src/graph/graph';
import { asUse } from '../../src/graph/node';
import type { Plan } from '../../src/graph/plan';
import { costOf, limitOf, type Machine } from './engine';
import type { Share } from './report';
import { time } from './timing';

const SAMPLES = 3;

/** The kinds of node in `plans`, slowest first. Their values hold the results of the last run or zeros, which does not change the cost. */
export async function splitStep<E extends Executor>(machine: Machine<E>, executor: E, plans: readonly Plan[]): Promise<Share[]> {
  const { peaks, sync } = machine;
  const shares: Share[] = [];
  for (const plan of plans) {
    for (const [name, nodes] of byKind(plan.nodes, machine.foreign)) {
      const { flops, bytes } = costOf(nodes);
      const limit = flops / peaks.flops.value > bytes / peaks.bytes.value ? 'compute' : 'memory';
      const kind = nodes[0]?.pass === 'recompute' ? 'recompute' : limit;
      const subject = machine.subjectOf(executor, { ...plan, nodes, flops }, plan);
      const { ms } = await time(subject, sync, SAMPLES);
      subject.dispose();
      shares.push({ name, nodes: nodes.length, kind, ms, flops, fraction: limitOf(nodes, peaks) / ms });
    }
  }
  return shares.sort((a, b) => b.ms - a.ms);
}

function byKind(nodes: readonly Node[], foreign: Machine['foreign']): Map<string, Node[]> {
  const groups = new Map<string, Node[]>();
  for (const node of nodes) {
    const kind = [kindOf(node), foreign(node) ?? []].flat().join(', ');
    groups.set(kind, [...(groups.get(kind) ?? []), node]);
  }
  return groups;
}

/** Groups products by layout and low-rank extension, other ops by name and function; recomputed nodes form groups of their own. */
function kindOf(node: Node): string {
  const { op, attrs, pass } = node;
  const again = pass === 'recompute' ? ' again' : '';
  if ('kind' in attrs) return `${op.name} ${String(attrs.kind)}${again}`;
  if (!('layout' in attrs)) return `${op.name}${again}`;
  const { p = null } = asUse(node, matmulOp)?.inputs ?? {};
  const extended = p !== null ? ' + low rank' : '';
  return `${op.name} ${String(attrs.layout)}${extended}${again}`;
}
