/** Plans of this engine as timing subjects. */

import type { Device } from '../../src/gpu/device';
import type { Compiled } from '../../src/graph/executor';
import type { Node } from '../../src/graph/graph';
import { costOf as costOfNode } from '../../src/graph/node';
import type { Plan } from '../../src/graph/plan';
import type { WebGpuExecutor } from '../../src/graph/run-webgpu';
import type { PeakRates, Measured, Timing } from './report';
import type { Subject, Sync } from './timing';

/** Resolves when the device reports that all work is done. */
export function syncOf({ gpu }: Device): Sync {
  return () => gpu.queue.onSubmittedWorkDone();
}

/**
 * A plan that is run only for timing: nothing is read back, and repetitions form one long plan. `memory`: that of the whole plan,
 * when `plan` is a part of it.
 */
export function planSubject(
  executor: WebGpuExecutor,
  plan: Plan,
  memory = executor.memoryOf(plan),
): Subject & { dispose(): void } {
  let compiled: Compiled | undefined;
  return {
    async prepare(times) {
      compiled?.dispose();
      const made = await executor.compile(repeated(plan, times), undefined, undefined, memory);
      compiled = made;
      return () => void executor.run(made);
    },
    dispose: () => compiled?.dispose(),
  };
}

function repeated(plan: Plan, times: number): Plan {
  const nodes = Array.from({ length: times }, () => plan.nodes).flat();
  return { ...plan, nodes, outputs: [], flops: plan.flops * times };
}

export function costOf(nodes: readonly Node[]): { flops: number; bytes: number } {
  const costs = nodes.map(costOfNode);
  return { flops: costs.reduce((sum, cost) => sum + cost.flops, 0), bytes: costs.reduce((sum, cost) => sum + cost.bytes, 0) };
}

/** ΣT* in milliseconds: the lower bound of running these nodes one after another. */
export function limitOf(nodes: readonly Node[], { flops, bytes }: PeakRates): number {
  const seconds = nodes.map((node) => {
    const cost = costOfNode(node);
    return Math.max(cost.flops / flops.value, cost.bytes / bytes.value);
  });
  return 1000 * seconds.reduce((sum, each) => sum + each, 0);
}

export function measured(nodes: readonly Node[], timing: Timing, peaks: PeakRates): Measured {
  const useful = costOf(nodes.filter(({ pass }) => pass !== 'recompute')).flops;
  const utilisation = useful / (timing.ms / 1000) / peaks.flops.value;
  return { ...timing, ...costOf(nodes), fraction: limitOf(nodes, peaks) / timing.ms, utilisation };
}
