/** Chooses the machine that trains: a real GPU through WebGPU, else the processor through WebAssembly. */

import { CodedError, codeOf, messageOf } from '../core/errors';
import type { Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { TfjsExecutor } from '../graph/run-tfjs';
import { WebGpuExecutor } from '../graph/run-webgpu';
import { startWasm } from '../graph/tfjs-backend';
import { openDevice, type Device } from '../gpu/device';
import type { DeviceView, ExecutorKind } from './types';

export interface Engine {
  readonly view: DeviceView;
  /** Null on the processor. */
  readonly device: Device | null;
  executor(graph: Graph): Executor;
}

/** `auto` takes a real GPU, else the processor, and says why; the others insist and throw `gpu/unavailable`. */
export async function openEngine(choice: 'auto' | ExecutorKind): Promise<Engine> {
  if (choice === 'wasm') return openProcessor('WebAssembly was asked for', false);
  const device = await openDevice(navigator.gpu as GPU | undefined).catch((error: unknown) => {
    if (choice === 'webgpu' || codeOf(error) !== 'gpu/unavailable') throw error;
    return messageOf(error);
  });
  if (typeof device === 'string') return openProcessor(device, true);
  if (choice === 'webgpu' || !device.target.software) return gpuEngine(device);
  device.gpu.destroy();
  return openProcessor(`the only WebGPU adapter, ${device.name}, is software, slower than WebAssembly`, true);
}

function gpuEngine(device: Device): Engine {
  return {
    device,
    executor: () => new WebGpuExecutor(device),
    view: {
      executor: 'webgpu',
      adapter: device.name,
      software: device.target.software,
      reason: null,
      features: [...device.target.features].sort(),
      maxBufferBytes: device.gpu.limits.maxBufferSize,
    },
  };
}

async function openProcessor(reason: string, software: boolean): Promise<Engine> {
  await startWasm();
  const view: DeviceView = {
    executor: 'wasm',
    adapter: 'CPU (WebAssembly)',
    software,
    reason,
    features: [],
    maxBufferBytes: null,
  };
  return { device: null, executor: (graph) => new TfjsExecutor(graph, 'wasm'), view };
}

/** Resolves with a coded error when the GPU is lost; never on the processor. */
export async function lossOf({ device }: Engine): Promise<CodedError> {
  if (device === null) return new Promise(() => undefined);
  const { reason, message } = await device.gpu.lost;
  return new CodedError(
    'gpu/lost',
    `The GPU was lost (${reason}: ${message}). It is asked for again and the run goes on from its last checkpoint.`,
  );
}
