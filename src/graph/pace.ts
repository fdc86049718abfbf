/** How fast an executor computes on this device, what plans cost there, and so how long they take. */

import { add } from '../../kernels/add';
import { matmul } from '../../kernels/matmul';
import type { Value } from '../../kernels/op';
import { internal } from '../core/errors';
import { yieldToEventLoop } from '../core/event-loop';
import type { Shape } from '../core/shape';
import type { Executor } from './executor';
import { Graph, type Program } from './graph';
import { costOf } from './node';
import { plan, type Plan } from './plan';

export interface Pace {
  /** Operations per second of matrix products; a multiply-add counts as two. */
  readonly flops: number;
  /** Bytes per second that nodes read and write whose traffic takes longer than their arithmetic. */
  readonly bytes: number;
  /** Seconds that a node takes beside its work, such as waking threads or a dispatch. */
  readonly node: number;
}

/** The cost of running plans, in the units of a pace. */
export interface Effort {
  readonly flops: number;
  readonly bytes: number;
  readonly nodes: number;
}

/**
 * A node takes the longer one of its arithmetic and its memory traffic (the roofline model, doi 10.1145/1498765.1498785). It is its
 * arithmetic where there are more operations than this for each byte, on all devices that we measured.
 */
const FLOPS_PER_BYTE = 4;

/** What one run of a plan costs. */
export function effortOf({ nodes }: Plan): Effort {
  let [flops, bytes] = [0, 0];
  for (const node of nodes) {
    const cost = costOf(node);
    if (cost.flops > FLOPS_PER_BYTE * cost.bytes) flops += cost.flops;
    else bytes += cost.bytes;
  }
  return { flops, bytes, nodes: nodes.length };
}

/** The cost of `times` runs of each. */
export function total(parts: readonly (readonly [times: number, effort: Effort])[]): Effort {
  const sum = (of: (effort: Effort) => number) => parts.reduce((all, [times, effort]) => all + times * of(effort), 0);
  return { flops: sum(({ flops }) => flops), bytes: sum(({ bytes }) => bytes), nodes: sum(({ nodes }) => nodes) };
}

export function secondsOf({ flops, bytes, nodes }: Effort, pace: Pace): number {
  return flops / pace.flops + bytes / pace.bytes + nodes * pace.node;
}

/** Rows of a product: a batch of tokens. */
const ROWS = 256;
/** Columns and depth: of a small model first; a device for which such a product is too short to be timed gets the next size. */
const SIZES = [576, 1024, 2048] as const;
/** A product or sum that takes this many times as long as a node without work is long enough. */
const LONG = 8;
/** Numbers of a sum: of a layer of a small model, and of tensors that no cache holds. */
const SMALL: Shape = [ROWS, 64];
const LARGE: Shape = [4 * ROWS, 1024];
/** Two lengths of a chain of nodes: their difference has no part of what a run costs as a whole. */
const PRODUCTS = [2, 8] as const;
const SMALL_SUMS = [8, 72] as const;
const LARGE_SUMS = [2, 10] as const;
/** Runs of each chain; the fastest counts, because other programs only slow it down. */
const RUNS = 4;

/** What is measured: executors of a device, until `signal` aborts. */
export interface Measured {
  readonly open: (graph: Graph) => Executor;
  readonly signal: AbortSignal;
}

/** Measures in less than two seconds, also on a processor. The event loop gets its turn after each run. Throws the reason when aborted. */
export async function measurePace(device: Measured): Promise<Pace> {
  const sum = (shape: Shape, lengths: readonly [number, number]) =>
    slope(device, lengths, shape, (program, x, y) => add(program, x, y));
  const large = await sum(LARGE, LARGE_SUMS);
  const bytes = trafficOf(LARGE) / large;
  const node = Math.max(0, (await sum(SMALL, SMALL_SUMS)) - trafficOf(SMALL) / bytes);
  for (const size of SIZES) {
    const seconds = await measureProduct(device, ROWS, size);
    const last = size === SIZES.at(-1);
    if (last || seconds > LONG * node)
      return { flops: (2 * ROWS * size ** 2) / (seconds - Math.min(node, seconds / 2)), bytes, node };
  }
  throw internal('there is no size of a product');
}

/** Seconds of a product of activations [rows, size] and weights [size, size] in f16, one in a chain of them. */
export function measureProduct(device: Measured, rows: number, size: number): Promise<number> {
  return slope(device, PRODUCTS, [rows, size], (program, x, w) => matmul(program, { a: x, w }), [size, size]);
}

/** Bytes of a sum of two tensors of this shape: two are read, one is written. */
function trafficOf(shape: Shape): number {
  return 3 * 4 * shape.reduce((product, length) => product * length, 1);
}

/** Seconds of one more link of a chain over values of `shape`. Its second operand has the shape `other`, in f16 where it differs. */
async function slope(
  { open, signal }: Measured,
  [short, long]: readonly [number, number],
  shape: Shape,
  link: (program: Program, x: Value, other: Value) => Value,
  other?: Shape,
): Promise<number> {
  const graph = new Graph();
  const executor = open(graph);
  const x = graph.declare('x', 'input', shape);
  const second = graph.declare('second', 'frozen', other ?? shape, other === undefined ? 'f32' : 'f16');
  const seconds = async (links: number): Promise<number> => {
    const program = graph.program(`chain of ${links}`);
    let y = x;
    for (let i = 0; i < links; i++) y = link(program, y, second);
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
  try {
    return Math.max(1e-8, (await seconds(long)) - (await seconds(short))) / (long - short);
  } finally {
    executor.dispose();
  }
}
