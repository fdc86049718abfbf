/** Trains a tiny model for many steps and counts what is allocated: a step must not leak. */

import type { EncodedDataset } from '../../src/batch/types';
import { openDevice } from '../../src/gpu/device';
import { Graph } from '../../src/graph/graph';
import type { Executor } from '../../src/graph/executor';
import { ProcessorKernels, usableBuilds } from '../../src/graph/processor';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { parseConfig } from '../../src/model/families';
import { weightSpecs, declareWeights } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { planBatches } from '../../src/train/batches';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession, type StepResult } from '../../src/train/session';
import { randomData } from './shapes';

export type SoakBackend = 'webgpu' | 'wasm';

/** What is allocated after some steps or runs: GPU buffers on webgpu, pieces of memory on wasm. */
export interface Held {
  readonly done: number;
  /** Of the last step; absent when runs are counted. */
  readonly loss?: number;
  readonly objects: number;
  readonly bytes: number;
}

export interface Soak {
  /** Trains `count` more steps, at most two queued, or `count` more runs. */
  advance(count: number): Promise<Held>;
}

const TOKENS = 16;
const VOCABULARY = 64;
const IN_FLIGHT = 2;

export async function openSoak(backend: SoakBackend): Promise<Soak> {
  const config = parseConfig(
    JSON.stringify({
      model_type: 'llama',
      hidden_size: 32,
      intermediate_size: 48,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      vocab_size: VOCABULARY,
      max_position_embeddings: TOKENS,
      rms_norm_eps: 1e-5,
      tie_word_embeddings: true,
    }),
  );
  const recipe = parseRecipe({ rank: 4, sequenceLength: TOKENS, dropout: 0.1, schedule: 'constant' });
  const graph = new Graph();
  const { executor, held } = await open(backend);
  declareWeights(graph, config, () => 'f32');
  const programs = trainingPrograms(graph, config, recipe, 'soak');
  for (const [i, { name, shape }] of weightSpecs(config).entries()) executor.write(graph.named(name), randomData(shape, i, 0.3));
  const session = await TrainingSession.open(executor, config, programs, recipe, 1_000_000);
  const { source } = planBatches(soakData(), recipe, 0);
  return {
    async advance(steps) {
      const pending: Promise<StepResult>[] = [];
      let last: StepResult | undefined;
      for (let i = 0; i < steps; i++) {
        pending.push(session.advance(source));
        if (pending.length >= IN_FLIGHT) last = await pending.shift();
      }
      for (const result of pending) last = await result;
      return { done: session.step, loss: last?.loss ?? NaN, ...held() };
    },
  };
}

/** Documents of 6 to 10 tokens, packed like any dataset. Nothing is held out. */
function soakData(): Pick<EncodedDataset, 'train' | 'heldOut'> {
  const offsets = Uint32Array.from({ length: 65 }, (_, i) => 8 * i + (i % 2 === 0 ? 0 : (i % 5) - 2));
  const tokens = offsets.at(-1) ?? 0;
  const train = {
    ids: Int32Array.from({ length: tokens }, (_, i) => (7 * i + (i % 5)) % VOCABULARY),
    trained: new Uint8Array(tokens).fill(1),
    offsets,
    lines: new Uint32Array(offsets.length - 1),
  };
  const nothing = { ids: new Int32Array(), trained: new Uint8Array(), offsets: new Uint32Array(1), lines: new Uint32Array() };
  return { train, heldOut: nothing };
}

type Count = () => Pick<Held, 'objects' | 'bytes'>;

async function open(backend: SoakBackend): Promise<{ executor: Executor; held: Count }> {
  if (backend === 'wasm') {
    const [{ build, threads } = { build: 'simd', threads: 1 } as const] = await usableBuilds();
    const kernels = await ProcessorKernels.open(build, threads);
    return { executor: new ProcessorExecutor(kernels), held: () => ({ objects: kernels.heap.pieces, bytes: kernels.heap.used }) };
  }
  const device = await openDevice(navigator.gpu);
  return { executor: new WebGpuExecutor(device), held: countBuffers(device.gpu) };
}

/** Tracks every buffer that is created on the device. */
function countBuffers(gpu: GPUDevice): Count {
  const live = new Set<GPUBuffer>();
  const create = gpu.createBuffer.bind(gpu);
  gpu.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    live.add(buffer);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      live.delete(buffer);
      destroy();
    };
    return buffer;
  };
  return () => ({ objects: live.size, bytes: [...live].reduce((sum, { size }) => sum + size, 0) });
}
