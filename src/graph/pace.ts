/** How fast an executor computes on this device, what plans cost there, and so how long they take. */

import { matmul } from '../../kernels/matmul';
import { yieldToEventLoop } from '../core/event-loop';
import type { Cost } from '../../kernels/op';
import type { Executor } from './executor';
import { Graph } from './graph';
import { costOf } from './node';
import { plan, type Plan } from './plan';

export interface Pace {
  /** Operations per second beside the traffic; a multiply-add counts as two. */
  readonly flops: number;
  /** Bytes per second that nodes read and write. */
  readonly bytes: number;
  /** Seconds that a node takes beside its work, such as waking threads or a dispatch. */
  readonly node: number;
}

/** The cost of running plans, in the units of a pace. */
export interface Effort {
  readonly flops: number;
  readonly bytes: number;
  readonly nodes: number;
  readonly runs: number;
}

/** Seconds that a run of a plan takes beside its nodes: its inputs, its results, and what the page is told. Measured 3 to 5 ms. */
const RUN_SECONDS = 4e-3;

/** What one run of a plan costs. */
export function effortOf({ nodes }: Plan): Effort {
  const costs = nodes.map(costOf);
  const sum = (of: (cost: Cost) => number) => costs.reduce((all, cost) => all + of(cost), 0);
  return { flops: sum(({ flops }) => flops), bytes: sum(({ bytes }) => bytes), nodes: nodes.length, runs: 1 };
}

/** The cost of `times` runs of each. */
export function total(parts: readonly (readonly [times: number, effort: Effort])[]): Effort {
  const sum = (of: (effort: Effort) => number) => parts.reduce((all, [times, effort]) => all + times * of(effort), 0);
  return {
    ...{ flops: sum(({ flops }) => flops), bytes: sum(({ bytes }) => bytes) },
    ...{ nodes: sum(({ nodes }) => nodes), runs: sum(({ runs }) => runs) },
  };
}

export function secondsOf({ flops, bytes, nodes, runs }: Effort, pace: Pace): number {
  return flops / pace.flops + bytes / pace.bytes + nodes * pace.node + runs * RUN_SECONDS;
}

/** Two lengths of a chain of products: their difference has no part of what a run costs as a whole. */
const LENGTHS = [2, 8] as const;
/** Runs of each chain; the fastest counts, because other programs only slow it down. */
const RUNS = 4;

/** What is measured: executors of a device, until `signal` aborts. */
export interface Measured {
  readonly open: (graph: Graph) => Executor;
  readonly signal: AbortSignal;
}

/**
 * Seconds of a product of activations [rows, size] and weights [size, size] in f16, one in a chain of them. The event loop gets its turn
 * after each run. Throws the reason when aborted.
 */
export async function measureProduct({ open, signal }: Measured, rows: number, size: number): Promise<number> {
  const graph = new Graph();
  const executor = open(graph);
  const x = graph.declare('x', 'input', [rows, size]);
  const w = graph.declare('w', 'frozen', [size, size], 'f16');
  const seconds = async (links: number): Promise<number> => {
    const program = graph.program(`chain of ${links}`);
    let y = x;
    for (let i = 0; i < links; i++) y = matmul(program, { a: y, w });
    const compiled = await executor.compile(plan(program, [y]));
    let best = Infinity;
    for (let i = 0; i < RUNS; i++) {
      signal.throwIfAborted();
      const started = performance.now();
      await executor.run(compiled);
      best = Math.min(best, (performance.now() - started) / 1000);
      await yieldToEventLoop();
    }
    compiled.dispose();
    return best;
  };
  const [short, long] = LENGTHS;
  try {
    return Math.max(1e-8, (await seconds(long)) - (await seconds(short))) / (long - short);
  } finally {
    executor.dispose();
  }
}
