/**
 * Checks ops against independent evidence. Forward: the WGSL kernel, its outputs poisoned with NaN first, against the twin on
 * the tfjs cpu backend. Gradient: the gradient rule, on both executors, against finite differences of the twin.
 */

import * as tf from '@tensorflow/tfjs';
import { f16ToF32, f32ToF16 } from '../../src/core/f16';
import { isQuantised } from '../../src/core/quantised';
import { sizeOf, type Shape } from '../../src/core/shape';
import { randomBits, uniform } from '../../src/core/random';
import { openDevice, type Device, type Target } from '../../src/gpu/device';
import type { DType } from '../../src/core/dtype';
import type { Executor, HostArray } from '../../src/graph/executor';
import { gradient } from '../../src/graph/gradient';
import { Graph, type Program } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { writeQuantised } from '../../src/graph/write-quantised';
import { hasVec4Rows } from '../../kernels/lib/launch';
import type { Op, Value } from '../../kernels/op';
import { deviation } from '../deviation';
import { readQuantised } from './quantised';

/** An input of a case: its spec and what fills it. Default: normal numbers of standard deviation 1. */
export interface Input {
  readonly shape: Shape;
  readonly dtype?: DType;
  /** Standard deviation of normal numbers; or exact values by index; or whole numbers in [from, to). */
  readonly fill?: number | ((index: number) => number) | readonly [from: number, to: number];
}

export interface Case<A extends object = object> {
  readonly name: string;
  readonly inputs: readonly (Input | null)[];
  readonly attrs: A;
  /** What the launch is told of the device in place of the truth: smaller limits, or not to be a CPU. */
  readonly target?: Partial<Target>;
  /** Activations that are inputs hold f16, and outputs too where they may: see `F16Support` in kernels/op.ts. */
  readonly f16?: boolean;
  /** Inputs whose gradient is zero by mathematics, so has no scale of its own: it is held against the largest of the others. */
  readonly vanishing?: readonly number[];
}

export interface OpCases<A extends object = object> {
  readonly op: Op<A>;
  readonly cases: readonly Case<A>[];
  /** Largest deviation allowed, relative to the tensor's largest value. Default 1e-5. */
  readonly tolerance?: number;
  /** Inputs whose gradients are checked, and the outputs that carry a cotangent (default: all f32 outputs). */
  readonly gradient?: { readonly inputs: readonly number[]; readonly outputs?: readonly number[]; readonly step?: number };
}

/** Types of weights. */
const FROZEN: ReadonlySet<DType> = new Set(['f16', 'q8', 'q4']);

/** Finite differences are only taken of cases up to this many elements. */
const GRADIENT_ELEMENTS = 40_000;

let device: Promise<Device> | undefined;

/** The one device of a test file. Fails when there is no adapter, so that nothing passes on nothing. */
export function testDevice(): Promise<Device> {
  return (device ??= openDevice(navigator.gpu));
}

export async function useCpu(): Promise<void> {
  await tf.setBackend('cpu');
}

/** Deterministic data for an input. */
export function fillInput(input: Input, seed: number): HostArray {
  const { fill = 1, shape, dtype = 'f32' } = input;
  const numbers = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    if (typeof fill === 'function') return fill(i);
    if (typeof fill === 'number') return fill * normal(seed, i);
    return fill[0] + (randomBits(seed, 0, 7, i) % (fill[1] - fill[0]));
  });
  if (dtype === 'i32') return Int32Array.from(numbers);
  return dtype === 'f16' ? f32ToF16(numbers) : numbers;
}

/** Box-Muller. */
function normal(seed: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, 0, 5, index)));
  return radius * Math.cos(2 * Math.PI * uniform(seed, 0, 6, index));
}

interface Built {
  readonly graph: Graph;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly data: ReadonlyMap<Value, HostArray>;
  readonly target?: Partial<Target> | undefined;
}

function build<A extends object>(op: Op<A>, test: Case<A>): Built & { program: ReturnType<Graph['program']> } {
  const graph = new Graph();
  const data = new Map<Value, HostArray>();
  const inputs = test.inputs.map((input, i) => {
    if (input === null) return null;
    const { dtype = 'f32' } = input;
    const role = op.updates?.includes(i) === true ? 'state' : FROZEN.has(dtype) ? 'frozen' : 'input';
    const value = graph.declare(`input ${i}`, role, input.shape, dtype);
    // What is quantised in place needs no data: it is not read.
    if (role !== 'state' || !isQuantised(dtype)) data.set(value, fillInput(input, i + 1));
    return value;
  });
  const program = graph.program(op.name);
  const outputs = program.apply(op, inputs, test.attrs);
  if (test.f16 !== true) return { graph, program, inputs, outputs, data, target: test.target };
  for (const [value, half] of storeF16(graph, program)) data.set(half, f32ToF16(numbers(data.get(value) ?? new Float32Array())));
  return { graph, program, inputs, outputs: program.nodes[0]?.outputs ?? [], data, target: test.target };
}

/** Stores the activations of the program's only node in f16, of its inputs those at `places` that are in fours. Gives what replaces them. */
export function storeF16(graph: Graph, program: Program, places?: readonly number[]): Map<Value, Value> {
  const [node] = program.nodes;
  if (node === undefined) throw new Error('no node');
  const halved = new Map<Value, Value>();
  const chosen = places ?? node.op.f16?.(node, node.attrs).inputs ?? [];
  const inputs = node.inputs.map((value, i) => {
    if (value === null || !chosen.includes(i) || !hasVec4Rows(value)) return value;
    const half = graph.declare(`half ${i}`, 'input', value.shape, 'f16');
    halved.set(value, half);
    return half;
  });
  const allowed = node.op.f16?.({ ...node, inputs }, node.attrs).outputs ?? [];
  const outputs = node.outputs.map((value, i) =>
    allowed.includes(i) ? graph.create(value.name, 'temp', value.shape, 'f16') : value,
  );
  program.nodes[0] = { ...node, inputs, outputs };
  return halved;
}

function numbers(data: HostArray): Float32Array<ArrayBuffer> {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

async function execute(
  executor: Executor,
  built: Built & { program: ReturnType<Graph['program']> },
  wanted: readonly Value[],
): Promise<readonly HostArray[]> {
  for (const [value, data] of built.data) {
    if (isQuantised(value.dtype)) await writeQuantised(executor, built.graph, value, numbers(data));
    else executor.write(value, data);
  }
  const compiled = await executor.compile(plan(built.program, wanted));
  const results = await executor.run(compiled);
  executor.dispose();
  return results;
}

async function onGpu(built: ReturnType<typeof build>, wanted: readonly Value[]): Promise<readonly HostArray[]> {
  const device = await testDevice();
  device.gpu.pushErrorScope('validation');
  const told = { ...device, target: { ...device.target, ...built.target } };
  const results = await execute(new WebGpuExecutor(told, { poison: true }), built, wanted);
  const error = await device.gpu.popErrorScope();
  if (error !== null) throw new Error(error.message);
  return results;
}

/** Deviation of each output of the kernel from the twin's. */
export async function checkForward<A extends object>(op: Op<A>, test: Case<A>): Promise<number[]> {
  const built = build(op, test);
  const expected = await execute(new TfjsExecutor(built.graph, 'cpu'), built, built.outputs);
  const actual = await onGpu(built, built.outputs);
  return expected.map((data, i) => deviation(numbersOf(built.outputs[i], actual[i]), data));
}

/** What a result of the kernel stands for. */
function numbersOf(value: Value | undefined, data: HostArray = new Float32Array()): ArrayLike<number> {
  if (data instanceof Uint16Array) return f16ToF32(data);
  return value !== undefined && isQuantised(value.dtype) ? readQuantised(data.buffer, value.dtype, value.shape) : data;
}

export function gradientElements(test: Case): number {
  return test.inputs.reduce((sum, input) => sum + (input === null ? 0 : sizeOf(input.shape)), 0);
}

export function isSmall(test: Case): boolean {
  return gradientElements(test) <= GRADIENT_ELEMENTS;
}

export interface GradientReport {
  /** Gradient rule on the twins against finite differences. */
  readonly differences: number;
  /** Gradient rule on the kernels against the same on the twins. */
  readonly kernels: number;
}

/** Checks the gradient rule in directions that move all of `checks.inputs` at once. */
export async function checkGradient<A extends object>(
  op: Op<A>,
  test: Case<A>,
  checks: NonNullable<OpCases<A>['gradient']>,
): Promise<GradientReport> {
  const built = build(op, test);
  const wrt = checks.inputs.flatMap((i) => built.inputs[i] ?? []);
  const seeded = (checks.outputs ?? built.outputs.map((_, i) => i)).flatMap((i) => built.outputs[i] ?? []);
  const seeds = new Map(seeded.map((output, i) => [output, built.graph.declare(`seed ${i}`, 'input', output.shape)]));
  const data = new Map(built.data);
  for (const [output, seed] of seeds) data.set(seed, fillInput({ shape: output.shape }, 100 + output.id));
  const found = gradient(built.program, seeds, wrt);
  const wanted = wrt.map((value) => found.get(value)).filter((value) => value !== undefined);
  if (wanted.length !== wrt.length) throw new Error('an input that should have a gradient has none');
  const full = { ...built, data };
  const twin = await execute(new TfjsExecutor(built.graph, 'cpu'), full, wanted);
  const kernel = await onGpu(full, wanted);
  const vanishing = new Set((test.vanishing ?? []).map((i) => built.inputs[i]));
  const scale = Math.max(...twin.map(largestOf));
  const kernels = Math.max(
    ...twin.map((expected, i) => {
      const actual = kernel[i] ?? [];
      return vanishing.has(wrt[i]) ? Math.max(largestOf(actual), largestOf(expected)) / scale : deviation(actual, expected);
    }),
  );
  const objective = (moved: ReadonlyMap<Value, HostArray>) => weighted(op, test, built, moved, seeds, data);
  return { kernels, differences: await directional(objective, wrt, twin, data, checks.step ?? 0.02) };
}

/** Σ seed·output in f64, of the twin at other inputs. */
async function weighted<A extends object>(
  op: Op<A>,
  test: Case<A>,
  original: Built,
  moved: ReadonlyMap<Value, HostArray>,
  seeds: ReadonlyMap<Value, Value>,
  data: ReadonlyMap<Value, HostArray>,
): Promise<number> {
  const built = build(op, test);
  const inputs = new Map(built.data);
  built.inputs.forEach((value, i) => {
    const other = original.inputs[i];
    const replaced = other ? moved.get(other) : undefined;
    if (value !== null && replaced !== undefined) inputs.set(value, replaced);
  });
  const results = await execute(new TfjsExecutor(built.graph, 'cpu'), { ...built, data: inputs }, built.outputs);
  return original.outputs.reduce((sum, output, k) => {
    const seed = seeds.get(output);
    return seed === undefined ? sum : sum + dot(results[k] ?? [], data.get(seed) ?? []);
  }, 0);
}

function largestOf(data: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i] ?? NaN));
  return largest;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/**
 * Compares ⟨gradient, v⟩ with (4·D(h) − D(2h))/3, D central differences along v (Richardson's extrapolation, error O(h⁴)), for
 * the gradient's own direction and three random ones. Relative to the largest slope seen.
 */
async function directional(
  objective: (moved: ReadonlyMap<Value, HostArray>) => Promise<number>,
  wrt: readonly Value[],
  gradients: readonly HostArray[],
  data: ReadonlyMap<Value, HostArray>,
  step: number,
): Promise<number> {
  let worst = 0;
  let steepest = 0;
  for (let direction = 0; direction < 4; direction++) {
    const along = wrt.map((value, i) => directionOf(gradients[i] ?? new Float32Array(), direction, value.id));
    const expected = along.reduce((sum, v, i) => sum + dot(gradients[i] ?? [], v), 0);
    const slope = async (h: number) => {
      const at = (t: number) =>
        objective(new Map(wrt.map((value, i) => [value, shifted(data.get(value) ?? [], along[i] ?? [], t)])));
      return ((await at(h)) - (await at(-h))) / (2 * h);
    };
    const measured = (4 * (await slope(step)) - (await slope(2 * step))) / 3;
    worst = Math.max(worst, Math.abs(measured - expected));
    steepest = Math.max(steepest, Math.abs(expected));
  }
  return worst / Math.max(steepest, 1e-30);
}

/** Largest entry 1: the gradient itself, or random signs weighted by it so that every component counts. */
function directionOf(gradientOf: HostArray, direction: number, salt: number): Float32Array {
  let largest = 1e-30;
  for (const g of gradientOf) largest = Math.max(largest, Math.abs(g));
  return Float32Array.from<number>(gradientOf, (g, i) => {
    if (direction === 0) return g / largest;
    return direction === 1 ? Math.sign(g) * uniform(salt, direction, 8, i) : 2 * uniform(salt, direction, 8, i) - 1;
  });
}

function shifted(x: ArrayLike<number>, along: ArrayLike<number>, t: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: x.length }, (_, i) => (x[i] ?? 0) + t * (along[i] ?? 0));
}
