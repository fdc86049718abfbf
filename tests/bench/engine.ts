/** Plans of this engine as timing subjects. */

import type { Device } from '../../src/gpu/device';
import type { Compiled, Executor } from '../../src/graph/executor';
import type { Graph, Node } from '../../src/graph/graph';
import { timeTiles } from '../../src/graph/measure';
import { costOf as costOfNode } from '../../src/graph/node';
import type { Plan } from '../../src/graph/plan';
import type { ProcessorKernels } from '../../src/graph/processor';
import { processorLaunch } from '../../src/graph/processor-launch';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import type { TrainingPrograms } from '../../src/train/programs';
import { tune, type Tiles, type TimeTiles } from '../../src/train/tune';
import type { PeakRates, Measured, Timing } from './report';
import type { Subject, Sync } from './timing';

/** A subject that holds resources. */
export type OpenSubject = Subject & { dispose(): void };

/** A device that is measured, with its peak rates. */
export interface Machine<E extends Executor = Executor> {
  readonly peaks: PeakRates;
  /** A software adapter needs seconds for what others do in milliseconds. */
  readonly slow: boolean;
  open(graph: Graph): E;
  readonly sync: Sync;
  /** `part` of a plan `whole`, run only for timing. */
  subjectOf(executor: E, part: Plan, whole: Plan): OpenSubject;
  /** Why a node runs slower than by a kernel of its own, in a word; null where it has one. */
  readonly foreign: (node: Node) => string | null;
  tilesFor(programs: TrainingPrograms): Promise<Tiles>;
}

export function gpuMachine(device: Device, peaks: PeakRates): Machine<WebGpuExecutor> {
  return {
    peaks,
    slow: device.target.software,
    open: () => new WebGpuExecutor(device),
    sync: syncOf(device),
    subjectOf: (executor, part, whole) => planSubject(executor, part, executor.memoryOf(whole)),
    foreign: () => null,
    tilesFor: (programs) => tilesFor(device, programs),
  };
}

export function processorMachine(kernels: ProcessorKernels, peaks: PeakRates): Machine<ProcessorExecutor> {
  return {
    peaks,
    slow: false,
    open: () => new ProcessorExecutor(kernels),
    sync: () => Promise.resolve(),
    subjectOf: processorSubject,
    foreign: (node) => (processorLaunch(node, kernels) === null ? 'by tfjs' : null),
    tilesFor: () => Promise.resolve({}),
  };
}

/** The tiles that the tuner finds on this device without a time limit. Software adapters use the static choice. */
async function tilesFor(device: Device, { train, update }: TrainingPrograms): Promise<Tiles> {
  if (device.target.software) return {};
  const time: TimeTiles = (product, tiles) => timeTiles(device, product, tiles);
  return tune([train, update], { target: device.target, known: {}, time, budgetMs: 60_000, now: () => performance.now() });
}

/** A run returns when its work is done. Nothing is read back. */
export function processorSubject(executor: ProcessorExecutor, plan: Plan): OpenSubject {
  let compiled: Compiled | undefined;
  return {
    async prepare(times) {
      const ready = (compiled ??= await executor.compile({ ...plan, outputs: [] }));
      return () => {
        for (let i = 0; i < times; i++) void executor.run(ready);
      };
    },
    dispose: () => compiled?.dispose(),
  };
}

/** Resolves when the device reports that all work is done. */
export function syncOf({ gpu }: Device): Sync {
  return () => gpu.queue.onSubmittedWorkDone();
}

/**
 * A plan that is run only for timing: nothing is read back, and repetitions form one long plan. `memory`: that of the whole plan,
 * when `plan` is a part of it.
 */
export function planSubject(executor: WebGpuExecutor, plan: Plan, memory = executor.memoryOf(plan)): OpenSubject {
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
