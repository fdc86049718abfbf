/** Chooses the machine that trains: a real GPU through WebGPU, else the processor through WebAssembly. */

import { codeOf, messageOf } from '../core/errors';
import type { Executor } from '../graph/executor';
import { passGates, type Tamper } from '../graph/gates';
import type { Graph } from '../graph/graph';
import { TfjsExecutor } from '../graph/run-tfjs';
import { WebGpuExecutor } from '../graph/run-webgpu';
import { startWasm } from '../graph/tfjs-backend';
import { measurePeak } from '../gpu/peak';
import { MATRICES, openDevice, type Device } from '../gpu/device';
import type { Machine } from './forecast';
import { DeviceLoss } from './loss';
import type { DeviceOptions, DeviceView, ExecutorKind } from './types';

/** tfjs's WebAssembly memory ends at 4 GiB, and some of it is lost between tensors. */
const WASM_BUDGET = 3 * 2 ** 30;

export interface Engine {
  readonly view: DeviceView;
  /** Null on the processor. */
  readonly device: Device | null;
  /** Peak f32 operations per second; null where unknown. Measured after opening. */
  readonly peak: Promise<number | null>;
  /** For forecasts. */
  readonly machine: Machine;
  /** Tiles are timed before a run. */
  readonly tunes: boolean;
  readonly loss: DeviceLoss;
  executor(graph: Graph): Executor;
}

/**
 * `auto` takes a real GPU, else the processor, and reports why; explicit choices throw `gpu/unavailable`. Optional features that the
 * driver computes wrongly are left out, and those in `faulty`.
 */
export async function openEngine(
  choice: 'auto' | ExecutorKind,
  { faulty = [], tune = false }: DeviceOptions = {},
): Promise<Engine> {
  if (choice === 'wasm') return openProcessor('WebAssembly was asked for', false);
  const device = await openDevice(navigator.gpu as GPU | undefined).catch((error: unknown) => {
    if (choice === 'webgpu' || codeOf(error) !== 'gpu/unavailable') throw error;
    return messageOf(error);
  });
  if (typeof device === 'string') return openProcessor(device, true);
  if (choice === 'webgpu' || !device.target.software) return gpuEngine(device, faulty, tune);
  device.gpu.destroy();
  return openProcessor(`the only WebGPU adapter, ${device.name}, is software, slower than WebAssembly`, true);
}

async function gpuEngine(opened: Device, faulty: readonly string[], tune: boolean): Promise<Engine> {
  const tamper: Tamper = (feature, result) => (faulty.includes(feature) ? result.map((value) => 1.01 * value) : result);
  const { device, failed } = await passGates(opened, tamper);
  return {
    device,
    peak: measurePeak(device).catch(() => null),
    // The web has no figure for free GPU memory: the largest buffer is a lower bound.
    machine: { target: device.target, budget: device.gpu.limits.maxBufferSize },
    tunes: tune || !device.target.software,
    loss: new DeviceLoss(device.gpu.lost),
    executor: () => new WebGpuExecutor(device),
    view: {
      executor: 'webgpu',
      adapter: device.name,
      software: device.target.software,
      reason: null,
      notes: failed.map(switchedOff),
      tiles: {},
      features: [...device.target.features].sort(),
      maxBufferBytes: device.gpu.limits.maxBufferSize,
    },
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

async function openProcessor(reason: string, software: boolean): Promise<Engine> {
  await startWasm();
  const view: DeviceView = {
    executor: 'wasm',
    adapter: 'CPU (WebAssembly)',
    software,
    reason,
    notes: [],
    tiles: {},
    features: [],
    maxBufferBytes: null,
  };
  return {
    device: null,
    peak: Promise.resolve(null),
    machine: { target: null, budget: WASM_BUDGET },
    tunes: false,
    loss: new DeviceLoss(null),
    executor: (graph) => new TfjsExecutor(graph, 'wasm'),
    view,
  };
}
