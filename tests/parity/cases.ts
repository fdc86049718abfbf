/** Runs one case of `npm run parity` on one executor, in a browser or in Node. */

import * as tf from '@tensorflow/tfjs';
import { codeOf, messageOf } from '../../src/core/errors';
import { openDevice, type Device } from '../../src/gpu/device';
import type { Executor } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import { ProcessorKernels, type BuildName } from '../../src/graph/processor';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { TfjsWebGpuExecutor } from '../../src/graph/run-tfjs-webgpu';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { startTfjsWebGpu, startTfjsWasm } from '../../src/graph/tfjs-backend';
import { openEngine, type Engine } from '../../src/train/engine';
import { loadGolden, type Golden } from './golden';
import { greedy } from './greedy';
import type { ParityResult } from './judge';
import { limitsOf } from './tolerance';
import { trainCase } from './train-case';

/** `wasm-…` are builds of our kernels for the processor; `wasm` is the one that the page would choose. */
export type ParityExecutor = 'webgpu' | 'tfjs-webgpu' | 'wasm' | `wasm-${BuildName}` | 'tfjs-wasm' | 'cpu';
export type ParityCheck = 'train' | 'greedy';

/** The longest row to train on tfjs's cpu backend, which is plain JavaScript: attention computes tokens² scores a head. */
const CPU_TOKENS = 1024;

/** `base` is the address of the case's folder. */
export async function runCase(check: ParityCheck, base: string, executor: ParityExecutor): Promise<ParityResult> {
  try {
    return check === 'greedy' ? await greedy(base, await engineOf(executor)) : await train(await loadGolden(base), executor);
  } catch (error) {
    if (codeOf(error) === 'model/unsupported') return { unsupported: messageOf(error) };
    throw error;
  }
}

async function train(golden: Golden, executor: ParityExecutor): Promise<ParityResult> {
  const tokens = golden.case.steps[0]?.input_ids[0]?.length ?? 0;
  if (executor === 'cpu' && tokens > CPU_TOKENS)
    return { skipped: `rows of ${tokens} tokens; plain JavaScript is used up to ${CPU_TOKENS}` };
  return { deviations: await trainCase(golden, EXECUTORS[executor]), limits: limitsOf(golden.case.f64_deviation) };
}

/** Shared by all cases: most of their kernels are the same, and compiling them takes longer than training. */
let device: Promise<Device> | undefined;
let engine: Promise<Engine> | undefined;
const builds = new Map<BuildName, Promise<ProcessorKernels>>();

async function onBuild(build: BuildName, threads: number): Promise<Executor> {
  const opening = builds.get(build) ?? ProcessorKernels.open(build, threads);
  builds.set(build, opening);
  return new ProcessorExecutor(await opening);
}

const EXECUTORS: Readonly<Record<ParityExecutor, (graph: Graph) => Promise<Executor>>> = {
  webgpu: async () => new WebGpuExecutor(await (device ??= openDevice(navigator.gpu)), { poison: true }),
  'tfjs-webgpu': async (graph) =>
    new TfjsWebGpuExecutor(graph, await startTfjsWebGpu(await (device ??= openDevice(navigator.gpu)))),
  wasm: async (graph) => (await (engine ??= openEngine('wasm'))).executor(graph),
  'wasm-simd': () => onBuild('simd', 1),
  'wasm-relaxed': () => onBuild('relaxed', 1),
  'wasm-threads': () => onBuild('threads', 3),
  'tfjs-wasm': async (graph) => {
    await startTfjsWasm();
    return new TfjsExecutor(graph, 'tfjs-wasm');
  },
  cpu: async (graph) => {
    await tf.setBackend('cpu');
    return new TfjsExecutor(graph, 'cpu');
  },
};

/** The engine of the executor; those of builds and of tfjs's cpu backend take the place of another one's executor. */
async function engineOf(executor: ParityExecutor): Promise<Engine> {
  if (executor === 'webgpu' || executor === 'tfjs-webgpu' || executor === 'wasm' || executor === 'tfjs-wasm')
    return openEngine(executor);
  const opened = await openEngine(executor === 'cpu' ? 'tfjs-wasm' : 'wasm');
  const own = await EXECUTORS[executor](new Graph());
  return { ...opened, executor: (graph) => (executor === 'cpu' ? new TfjsExecutor(graph, 'cpu') : own) };
}
