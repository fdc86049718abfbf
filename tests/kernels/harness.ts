/**
 * Checks ops against independent results. Forward: the WGSL kernel, with outputs poisoned with NaN before the run, against the twin on
 * tfjs's cpu backend. Gradient: the gradient rule, on both executors, against finite differences of the twin.
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
import { f16Of } from '../../src/graph/node';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { writeQuantised } from '../../src/graph/write-quantised';
import { hasVec4Rows } from '../../kernels/lib/launch';
import { listed, named, type Named, type NameOf, type Names } from '../../kernels/lib/named';
import type { Op, Value } from '../../kernels/op';
import { deviation } from '../deviation';
import { readQuantised } from './quantised';

/** An input of a case: its spec and its data. Default: normal numbers of standard deviation 1. */
export interface Input {
  readonly shape: Shape;
  readonly dtype?: DType;
  /** Standard deviation of normal numbers; or exact values by index; or integers in [from, to). */
  readonly fill?: number | ((index: number) => number) | readonly [from: number, to: number];
}

export interface Case<I extends Names = Names, A extends object = object> {
  readonly name: string;
  readonly inputs: Named<I, Input>;
  readonly attrs: A;
  /** Properties of the device that the launch sees instead of the real ones: smaller limits, or not a CPU. */
  readonly target?: Partial<Target>;
  /** Store activations in f16 wherever the op allows it; see `F16Support` in kernels/op.ts. */
  readonly f16?: boolean;
  /** Inputs whose gradient is mathematically zero. It is compared with the largest of the other gradients, as it has no scale itself. */
  readonly vanishing?: readonly NameOf<I>[];
}

/** Test files that run cases: `tests/kernels/SHARD.test.ts`. */
export const SHARDS = [
  'attention',
  'attention_cached',
  'block',
  'cache',
  'elementwise',
  'few',
  'head',
  'lowrank',
  'matmul',
  'optimizer',
  'quantise',
  'quantised-matmul',
  'tiles',
] as const;
export type Shard = (typeof SHARDS)[number];

/** Cases of an op that run together with the same checks. */
export interface Suite<I extends Names, O extends Names, A extends object> {
  /** The test file that runs the cases. Choose one whose ops are similar; files should take about equally long. */
  readonly shard: Shard;
  readonly cases: readonly Case<I, A>[];
  /** Largest deviation allowed, relative to the tensor's largest value. Default 1e-5. */
  readonly tolerance?: number;
  /** Inputs whose gradients are checked, and the outputs that have a cotangent (default: all). */
  readonly gradient?: { readonly inputs: readonly NameOf<I>[]; readonly outputs?: readonly NameOf<O>[]; readonly step?: number };
  /** Names of the cases that f16.test.ts also runs with activations in f16. */
  readonly f16?: readonly string[];
}

export interface OpCases<I extends Names = Names, O extends Names = Names, A extends object = object> extends Suite<I, O, A> {
  readonly op: Op<I, O, A>;
}

/** Cases of `op`, typed by its names and attributes. */
export function opCases<I extends Names, O extends Names, A extends object>(
  op: Op<I, O, A>,
  suite: Suite<I, O, A>,
): OpCases<I, O, A> {
  return { op, ...suite };
}

/** A case of the op of type `T`. */
export type CaseOf<T> = T extends Op<infer I, Names, infer A> ? Case<I, A> : never;

/** Cases of the op of type `T`. */
export type CasesOf<T> = T extends Op<infer I, infer O, infer A> ? OpCases<I, O, A> : never;

/** Types of weights. */
const FROZEN: ReadonlySet<DType> = new Set(['f16', 'q8', 'q4']);

/** Finite differences are only computed for cases of up to this many elements. */
const GRADIENT_ELEMENTS = 40_000;

let device: Promise<Device> | undefined;

/** The device of a test file. Fails when there is no adapter, so that no test passes without one. */
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
  readonly program: Program;
  readonly inputs: Readonly<Record<string, Value | null>>;
  readonly outputs: readonly Value[];
  readonly data: ReadonlyMap<Value, HostArray>;
  readonly target?: Partial<Target> | undefined;
}

function build(op: Op, test: Case): Built {
  const graph = new Graph();
  const data = new Map<Value, HostArray>();
  const values = listed(op.inputs, test.inputs).map((input, i) => {
    if (input === null) return null;
    const { dtype = 'f32' } = input;
    const role = op.updates?.includes(op.inputs[i] ?? '') === true ? 'state' : FROZEN.has(dtype) ? 'frozen' : 'input';
    const value = graph.declare(`input ${i}`, role, input.shape, dtype);
    // The target of quantisation is not read, so it needs no data.
    if (role !== 'state' || !isQuantised(dtype)) data.set(value, fillInput(input, i + 1));
    return value;
  });
  const inputs = named(op.inputs, values);
  const program = graph.program(op.name);
  program.apply(op, inputs, test.attrs);
  if (test.f16 === true)
    for (const [value, cast] of storeF16(graph, program))
      data.set(cast, f32ToF16(numbers(data.get(value) ?? new Float32Array())));
  return { graph, program, inputs, outputs: program.nodes[0]?.outputs ?? [], data, target: test.target };
}

/**
 * Stores activations of the program's only node in f16: of its inputs those in `chosen` (default: all that the op allows) whose rows
 * are a multiple of four, and the outputs that the op then allows. Returns value → its replacement for the inputs.
 */
export function storeF16(graph: Graph, program: Program, chosen?: readonly string[]): Map<Value, Value> {
  const [node] = program.nodes;
  if (node === undefined) throw new Error('no node');
  const { op } = node;
  const casts = new Map<Value, Value>();
  const allowedInputs = chosen ?? f16Of(node).inputs;
  const inputs = node.inputs.map((value, i) => {
    if (value === null || !allowedInputs.includes(op.inputs[i] ?? '') || !hasVec4Rows(value)) return value;
    const cast = graph.declare(`f16 ${i}`, 'input', value.shape, 'f16');
    casts.set(value, cast);
    return cast;
  });
  const allowed = f16Of({ ...node, inputs }).outputs;
  const outputs = node.outputs.map((value, i) =>
    allowed.includes(op.outputs[i] ?? '') ? graph.create(value.name, 'temp', value.shape, 'f16') : value,
  );
  program.nodes[0] = { ...node, inputs, outputs };
  return casts;
}

function numbers(data: HostArray): Float32Array<ArrayBuffer> {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

async function execute(executor: Executor, built: Built, wanted: readonly Value[]): Promise<readonly HostArray[]> {
  for (const [value, data] of built.data) {
    if (isQuantised(value.dtype)) await writeQuantised(executor, built.graph, value, numbers(data));
    else executor.write(value, data);
  }
  const compiled = await executor.compile(plan(built.program, wanted));
  const results = await executor.run(compiled);
  executor.dispose();
  return results;
}

async function onGpu(built: Built, wanted: readonly Value[]): Promise<readonly HostArray[]> {
  const device = await testDevice();
  device.gpu.pushErrorScope('validation');
  const pretended = { ...device, target: { ...device.target, ...built.target } };
  const results = await execute(new WebGpuExecutor(pretended, { poison: true }), built, wanted);
  const error = await device.gpu.popErrorScope();
  if (error !== null) throw new Error(error.message);
  return results;
}

/** The deviation of each output of the kernel from that of the twin. */
export async function checkForward(op: Op, test: Case): Promise<number[]> {
  const [report] = await compareForward(op, test, [onGpu]);
  return report?.deviations ?? [NaN];
}

/** Computes `wanted` values of a program with our kernels. */
type Compute = (built: Built, wanted: readonly Value[]) => Promise<readonly HostArray[]>;

/** The kernels on an executor that `open` creates. */
export function computeOn(open: () => Executor): Compute {
  return (built, wanted) => execute(open(), built, wanted);
}

/** The outputs of the kernel by each of `kernels`, and their deviations from those of the twin. */
export async function compareForward(
  op: Op,
  test: Case,
  kernels: readonly Compute[],
): Promise<readonly { readonly deviations: number[]; readonly outputs: readonly HostArray[] }[]> {
  const built = build(op, test);
  const expected = await execute(new TfjsExecutor(built.graph, 'cpu'), built, built.outputs);
  const reports = [];
  for (const compute of kernels) {
    const outputs = await compute(built, built.outputs);
    reports.push({ outputs, deviations: expected.map((data, i) => deviation(numbersOf(built.outputs[i], outputs[i]), data)) });
  }
  return reports;
}

/** The numbers that a result of the kernel represents. */
function numbersOf(value: Value | undefined, data: HostArray = new Float32Array()): ArrayLike<number> {
  if (data instanceof Uint16Array) return f16ToF32(data);
  return value !== undefined && isQuantised(value.dtype) ? readQuantised(data.buffer, value.dtype, value.shape) : data;
}

export function gradientElements(test: Case): number {
  return Object.values(test.inputs).reduce((sum, input) => sum + (input === null ? 0 : sizeOf(input.shape)), 0);
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

/** Checks the gradient rule on the GPU, and along directions that change all of `checks.inputs` at once. */
export async function checkGradient(op: Op, test: Case, checks: NonNullable<OpCases['gradient']>): Promise<GradientReport> {
  const { wrt, twin, kernels, objective } = await gradients(op, test, checks, onGpu);
  const data = objective.data;
  return { kernels, differences: await directional(objective.at, wrt, twin, data, checks.step ?? 0.02) };
}

/** The deviation of the gradient rule on `compute` from the same on the twins. */
export async function gradientDeviation(
  op: Op,
  test: Case,
  checks: NonNullable<OpCases['gradient']>,
  compute: Compute,
): Promise<number> {
  return (await gradients(op, test, checks, compute)).kernels;
}

/** The gradients of the case's inputs by the twins, the deviation of those by `compute`, and what they are gradients of. */
async function gradients(op: Op, test: Case, checks: NonNullable<OpCases['gradient']>, compute: Compute) {
  const built = build(op, test);
  const wrt = checks.inputs.flatMap((name) => built.inputs[name] ?? []);
  const outputs = named(op.outputs, built.outputs);
  const seeded = (checks.outputs ?? op.outputs).flatMap((name) => outputs[name] ?? []);
  const seeds = new Map(seeded.map((output, i) => [output, built.graph.declare(`seed ${i}`, 'input', output.shape)]));
  const data = new Map(built.data);
  for (const [output, seed] of seeds) data.set(seed, fillInput({ shape: output.shape }, 100 + output.id));
  const found = gradient(built.program, seeds, wrt);
  const wanted = wrt.map((value) => found.get(value)).filter((value) => value !== undefined);
  if (wanted.length !== wrt.length) throw new Error('an input that should have a gradient has none');
  const full = { ...built, data };
  const twin = await execute(new TfjsExecutor(built.graph, 'cpu'), full, wanted);
  const kernel = await compute(full, wanted);
  const vanishing = new Set((test.vanishing ?? []).map((name) => built.inputs[name]));
  const scale = Math.max(...twin.map(largestOf));
  const kernels = Math.max(
    ...twin.map((expected, i) => {
      const actual = kernel[i] ?? [];
      return vanishing.has(wrt[i]) ? Math.max(largestOf(actual), largestOf(expected)) / scale : deviation(actual, expected);
    }),
  );
  const at = (moved: ReadonlyMap<Value, HostArray>) => weighted(op, test, built, moved, seeds, data);
  return { wrt, twin, kernels, objective: { at, data } };
}

/** Σ seed·output in f64, from the twin at the inputs `moved`. */
async function weighted(
  op: Op,
  test: Case,
  original: Built,
  moved: ReadonlyMap<Value, HostArray>,
  seeds: ReadonlyMap<Value, Value>,
  data: ReadonlyMap<Value, HostArray>,
): Promise<number> {
  const built = build(op, test);
  const inputs = new Map(built.data);
  for (const name of op.inputs) {
    const [value, other] = [built.inputs[name] ?? null, original.inputs[name] ?? null];
    const replaced = other === null ? undefined : moved.get(other);
    if (value !== null && replaced !== undefined) inputs.set(value, replaced);
  }
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

/** A direction with largest entry at most 1: the gradient itself, the gradient's signs times random numbers, or random numbers. */
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
