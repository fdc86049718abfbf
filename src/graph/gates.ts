/**
 * Gates of optional device features. Some drivers offer features that they compute incorrectly, so each feature is first tried on a small
 * computation. A feature that fails is removed from the target, and kernels use their base variant.
 */

import { gradnorm } from '../../kernels/gradnorm';
import { matmul } from '../../kernels/matmul';
import type { Target, Value } from '../../kernels/op';
import { rmsnorm } from '../../kernels/rmsnorm';
import { matrixTile } from '../../kernels/lib/tile';
import { sizeOf } from '../core/shape';
import { MATRICES, type Device } from '../gpu/device';
import type { HostArray } from './executor';
import { Graph, type Program } from './graph';
import { plan } from './plan';
import { WebGpuExecutor } from './run-webgpu';

interface Gate {
  readonly feature: string;
  /** Largest deviation from the base variant, relative to the largest value. */
  readonly tolerance: number;
  /** Appends the trial to a program over declared inputs, and returns the values to compare. */
  trial(graph: Graph, program: Program): readonly Value[];
  /** The tiles of the variant, when the static choice does not use the feature. */
  readonly tiles?: (target: Target) => Target['tiles'];
}

const GATES: readonly Gate[] = [
  { feature: 'subgroups', tolerance: 1e-5, trial: sums },
  { feature: 'shader-f16', tolerance: 1e-6, trial: f16Weights },
  { feature: MATRICES, tolerance: 2e-5, trial: products, tiles: (target) => (product) => matrixTile(product, target) },
];

/** Returns the result of the variant of `feature`; tests replace it by a wrong one. */
export type Tamper = (feature: string, result: HostArray) => HostArray;

export interface Gated {
  /** The device with the failed features removed from its target. */
  readonly device: Device;
  readonly failed: readonly string[];
}

/** Tries every gated feature that `device` has, in parallel. */
export async function passGates(device: Device, tamper: Tamper = (_, result) => result): Promise<Gated> {
  const offered = GATES.filter(({ feature }) => device.target.features.has(feature));
  const passed = await Promise.all(offered.map((gate) => passes(device, gate, tamper)));
  const failed = offered.filter((_, i) => passed[i] !== true).map(({ feature }) => feature);
  return { device: failed.length === 0 ? device : without(device, failed), failed };
}

function without(device: Device, features: readonly string[]): Device {
  const left = [...device.target.features].filter((feature) => !features.includes(feature));
  return { ...device, target: { ...device.target, features: new Set(left) } };
}

/** Errors of the base variant are thrown, because then the device cannot be used at all. */
async function passes(device: Device, gate: Gate, tamper: Tamper): Promise<boolean> {
  const base = without(
    device,
    GATES.map(({ feature }) => feature),
  );
  const features = new Set([...base.target.features, gate.feature]);
  const target = { ...device.target, features };
  const variant = compute({ ...device, target: { ...target, tiles: gate.tiles?.(target) } }, gate).catch(() => null);
  const expected = await compute(base, gate);
  const found = (await variant)?.map((result) => tamper(gate.feature, result));
  return found !== undefined && expected.every((data, i) => deviation(found[i] ?? [], data) <= gate.tolerance);
}

async function compute(device: Device, gate: Gate): Promise<readonly HostArray[]> {
  const graph = new Graph();
  const program = graph.program(`gate ${gate.feature}`);
  const executor = new WebGpuExecutor(device);
  try {
    const compiled = await executor.compile(plan(program, gate.trial(graph, program)));
    for (const value of graph.declared()) executor.write(value, waves(value));
    return await executor.run(compiled);
  } finally {
    executor.dispose();
  }
}

/** Runs shorter and longer than a subgroup, a vector over whole workgroups, and sums of vec4. */
function sums(graph: Graph, program: Program): readonly Value[] {
  const norms = [16, 1000].flatMap((width) => {
    const x = graph.declare(`x${width}`, 'input', [9, width]);
    const { y, rstd } = rmsnorm(program, x, graph.declare(`weight${width}`, 'input', [width]), 1e-5);
    return [y, rstd];
  });
  const few = matmul(program, { a: graph.declare('a', 'input', [3, 500]), w: graph.declare('w', 'frozen', [9, 500]) });
  return [...norms, few, gradnorm(program, graph.declare('g', 'input', [20_000]))];
}

function f16Weights(graph: Graph, program: Program): readonly Value[] {
  return [8, 7].map((width) => {
    const a = graph.declare(`a${width}`, 'input', [4, width]);
    return matmul(program, { a, w: graph.declare(`w${width}`, 'frozen', [8, width], 'f16') });
  });
}

/** f16 activations times f16 weights in both layouts, with sizes that are no multiples of a matrix. */
function products(graph: Graph, program: Program): readonly Value[] {
  return (['nt', 'nn'] as const).flatMap((layout) => {
    const a = graph.declare(`a ${layout}`, 'input', [40, 72], 'f16');
    const shape = layout === 'nt' ? [52, 72] : [72, 52];
    return matmul(program, { a, w: graph.declare(`w ${layout}`, 'frozen', shape, 'f16'), layout });
  });
}

/** Numbers between −1 and 1 that differ from their neighbours; f16 numbers have every third exponent from 2⁻¹⁴ up. */
function waves({ dtype, shape }: Value): HostArray {
  const at = Array.from({ length: sizeOf(shape) }, (_, i) => i);
  if (dtype === 'f16') return Uint16Array.from(at, (i) => ((i % 5) * 3 + 1) * 1024 + ((i * 389) % 1024) + (i % 2) * 0x8000);
  return Float32Array.from(at, (i) => Math.sin(1 + i * 1.7));
}

/** The largest deviation relative to the largest expected value; NaN when any value is NaN. */
function deviation(actual: ArrayLike<number>, expected: HostArray): number {
  let largest = 0;
  let off = 0;
  expected.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    off = Math.max(off, Math.abs((actual[i] ?? NaN) - value));
  });
  return off / largest;
}
