/** Chooses the device that trains: a real GPU through WebGPU, by our kernels or by tfjs's, else the processor through WebAssembly. */

import { CodedError, codeOf, messageOf } from '../core/errors';
import type { Executor, HostArray } from '../graph/executor';
import { passGates, type Tamper } from '../graph/gates';
import type { Graph } from '../graph/graph';
import { failingTrials } from '../graph/kernel-check';
import { ProcessorKernels, usableBuilds, type BuildName } from '../graph/processor';
import { measureProcessor } from '../graph/processor-peak';
import { ProcessorExecutor } from '../graph/run-processor';
import { TfjsExecutor } from '../graph/run-tfjs';
import { TfjsWebGpuExecutor } from '../graph/run-tfjs-webgpu';
import { WebGpuExecutor } from '../graph/run-webgpu';
import { startTfjsWebGpu, startTfjsWasm } from '../graph/tfjs-backend';
import { measurePeak } from '../gpu/peak';
import { MATRICES, openDevice, type Device } from '../gpu/device';
import type { Machine } from './forecast';
import { DeviceLoss, gpuLoss } from './loss';
import type { DeviceOptions, DeviceView, ExecutorKind } from './types';

/** WebAssembly's memory ends at 4 GiB, and some of it is lost between pieces. */
const WASM_BUDGET = 3 * 2 ** 30;

export interface Engine {
  readonly view: DeviceView;
  /** Null on the processor. */
  readonly device: Device | null;
  /** The peak f32 operations per second, measured in some milliseconds; null where it is not known. */
  readonly peak: () => Promise<number | null>;
  /** For forecasts. */
  readonly machine: Machine;
  /** Tiles are timed before a run. */
  readonly tunes: boolean;
  readonly loss: DeviceLoss;
  executor(graph: Graph): Executor;
  /** Gives the device back. Nothing may be on it. */
  close(): void;
}

/** The name of our kernels in `DeviceOptions.faulty`, in addition to optional features. */
const BASE = 'base';

/**
 * `auto` selects a real GPU with our kernels, or with tfjs's kernels if ours fail the start-up check, else the processor; the view gives
 * the reason. Explicit choices throw `gpu/unavailable` or `gpu/shader` if unavailable. Optional features of the GPU that its driver
 * computes wrongly are not used.
 */
export async function openEngine(choice: 'auto' | ExecutorKind, options: DeviceOptions = {}): Promise<Engine> {
  if (choice === 'wasm') return openProcessor('The processor was chosen.', false, options);
  if (choice === 'tfjs-wasm') return openTfjsProcessor("TensorFlow.js's WebAssembly backend was chosen.", false);
  const device = await openDevice(navigator.gpu as GPU | undefined).catch((error: unknown) => {
    if (choice !== 'auto' || codeOf(error) !== 'gpu/unavailable') throw error;
    return messageOf(error);
  });
  if (typeof device === 'string') return openProcessor(device, true, options);
  if (choice === 'tfjs-webgpu')
    return tfjsEngine(device, await startTfjsWebGpu(device), "TensorFlow.js's WebGPU backend was chosen.");
  if (choice === 'auto' && device.target.software && options.software !== true) {
    device.gpu.destroy();
    return openProcessor(
      `The only WebGPU adapter, ${device.name}, is software, slower than the processor without it.`,
      true,
      options,
    );
  }
  const failing = await failingKernels(device, options);
  if (failing.length === 0) return gpuEngine(device, options);
  if (choice === 'auto') return withoutKernels(device, failing);
  throw new CodedError('gpu/shader', `${failure(failing)} Without ?backend=webgpu the page trains by other kernels.`);
}

/**
 * The names of our kernels that fail the start-up check. A software adapter is part of the browser, not a driver, and compiles slowly: it is
 * checked on request only.
 */
async function failingKernels(device: Device, { faulty = [], software = false }: DeviceOptions): Promise<readonly string[]> {
  const pretended = faulty.includes(BASE);
  if (device.target.software && !software && !pretended) return [];
  const base: Device = { ...device, target: { ...device.target, features: new Set() } };
  const loss = new DeviceLoss(gpuLoss(device.gpu));
  const failing = await failingTrials(
    () => new WebGpuExecutor(base),
    (_, result) => (pretended ? result.map((value) => 1.01 * value) : result),
  );
  const { error } = loss;
  if (error !== null) throw error;
  return failing;
}

function failure(failing: readonly string[]): string {
  return `Our kernels failed on this driver: ${failing.join(', ')}.`;
}

/** The engine when our kernels fail: tfjs's kernels if they pass the same check, else the processor. */
async function withoutKernels(device: Device, failing: readonly string[]): Promise<Engine> {
  const backend = await startTfjsWebGpu(device);
  const failingToo = await failingTrials((graph) => new TfjsWebGpuExecutor(graph, backend));
  if (failingToo.length === 0)
    return tfjsEngine(device, backend, `${failure(failing)} Training uses TensorFlow.js's WebGPU backend, slower.`);
  device.gpu.destroy();
  return openProcessor(`${failure(failing)} TensorFlow.js's WebGPU backend failed too: ${failingToo.join(', ')}.`, true);
}

async function gpuEngine(opened: Device, { faulty = [], tune = false }: DeviceOptions): Promise<Engine> {
  const tamper: Tamper = (feature, result) => (faulty.includes(feature) ? result.map((value) => 1.01 * value) : result);
  const { device, failed } = await passGates(opened, tamper);
  const peak = measurePeak(device).catch(() => null);
  return {
    device,
    peak: () => peak,
    // The web has no figure for free GPU memory: the largest buffer is a lower bound.
    machine: { target: device.target, budget: device.gpu.limits.maxBufferSize },
    tunes: tune || !device.target.software,
    loss: new DeviceLoss(gpuLoss(device.gpu)),
    executor: () => new WebGpuExecutor(device),
    close: () => device.gpu.destroy(),
    view: { ...gpuView(device), executor: 'webgpu', reason: null, notes: failed.map(switchedOff) },
  };
}

function tfjsEngine(device: Device, backend: Awaited<ReturnType<typeof startTfjsWebGpu>>, reason: string): Engine {
  const peak = measurePeak(device).catch(() => null);
  return {
    device,
    peak: () => peak,
    machine: { pooled: true, budget: device.gpu.limits.maxBufferSize },
    tunes: false,
    loss: new DeviceLoss(gpuLoss(device.gpu)),
    executor: (graph) => new TfjsWebGpuExecutor(graph, backend),
    close: () => device.gpu.destroy(),
    view: { ...gpuView(device), executor: 'tfjs-webgpu', reason, notes: [], features: [] },
  };
}

function gpuView({ name, target, gpu }: Device): Omit<DeviceView, 'executor' | 'reason' | 'notes'> {
  return {
    adapter: name,
    software: target.software,
    tiles: {},
    features: [...target.features].sort(),
    maxBufferBytes: gpu.limits.maxBufferSize,
  };
}

const FEATURE_NAMES: Readonly<Record<string, string>> = {
  subgroups: 'Subgroups',
  'shader-f16': 'Numbers of 16 bits',
  [MATRICES]: 'Subgroup matrices',
};

function switchedOff(feature: string): string {
  const name = FEATURE_NAMES[feature] ?? feature;
  return `${name} are switched off: this driver computes them wrongly. Training is right without them, a little slower; a newer driver may help.`;
}

/** Our kernels on the processor, or tfjs's where no build of ours passes the start-up check. */
async function openProcessor(reason: string, software: boolean, options: DeviceOptions = {}): Promise<Engine> {
  const { kernels, failed } = await openKernels(options);
  if (kernels === null) return openTfjsProcessor(`${reason} This browser fails our kernels for the processor.`, software);
  const { threads, build } = kernels;
  const view = { ...processorView(reason, software), notes: failed.map(buildOff) };
  let peak = 0;
  return {
    device: null,
    // Other programs only slow it down: the best of all measurements counts.
    peak: () => Promise.resolve((peak = Math.max(peak, measureProcessor(kernels)))),
    machine: { processor: { threads }, budget: WASM_BUDGET },
    tunes: false,
    loss: new DeviceLoss(kernels.lost),
    executor: () => new ProcessorExecutor(kernels),
    close: () => kernels.close(),
    view: { ...view, executor: 'wasm', adapter: processorName(threads, build) },
  };
}

/** The fastest build of the kernels that this browser computes right, null if there is none, and those that failed before it. */
async function openKernels({ faulty = [] }: DeviceOptions) {
  const failed: BuildName[] = [];
  for (const { build, threads } of await usableBuilds()) {
    const kernels = await ProcessorKernels.open(build, threads).catch(() => null);
    const pretended = (result: HostArray) => (faulty.includes(build) ? result.map((value) => 1.01 * value) : result);
    const passes =
      kernels !== null &&
      (
        await failingTrials(
          () => new ProcessorExecutor(kernels),
          (_, result) => pretended(result),
        )
      ).length === 0;
    if (passes) return { kernels, failed };
    kernels?.close();
    failed.push(build);
  }
  return { kernels: null, failed };
}

const BUILD_NAMES: Readonly<Record<BuildName, string>> = { threads: 'threads', relaxed: 'relaxed SIMD', simd: 'SIMD' };

function buildOff(build: BuildName): string {
  return `Kernels with ${BUILD_NAMES[build]} are switched off: this browser does not start them, or computes them wrongly. Training is right without them, slower; a newer browser may help.`;
}

function processorName(threads: number, build: BuildName): string {
  const simd = build === 'simd' ? 'SIMD' : 'relaxed SIMD';
  return `Processor, ${threads === 1 ? '1 thread' : `${threads} threads`}, ${simd}`;
}

async function openTfjsProcessor(reason: string, software: boolean): Promise<Engine> {
  await startTfjsWasm();
  return {
    device: null,
    peak: () => Promise.resolve(null),
    machine: { budget: WASM_BUDGET },
    tunes: false,
    loss: new DeviceLoss(null),
    executor: (graph) => new TfjsExecutor(graph, 'tfjs-wasm'),
    close: () => undefined,
    view: { ...processorView(reason, software), executor: 'tfjs-wasm', adapter: 'Processor, by TensorFlow.js' },
  };
}

function processorView(reason: string, software: boolean): Omit<DeviceView, 'executor' | 'adapter'> {
  return { software, reason, notes: [], tiles: {}, features: [], maxBufferBytes: null };
}
