/** What a run allocates, on a device that only counts and computes nothing. */

import { describe as describeDevice, type Device } from '../../src/gpu/device';
import { sizeOf } from '../../src/core/shape';
import type { DType } from '../../src/core/dtype';
import type { Graph } from '../../src/graph/graph';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import type { ModelConfig } from '../../src/model/config';
import { declareCache } from '../../src/model/decode-pass';
import { decodePlans } from '../../src/model/decode-programs';
import { deviceTypes } from '../../src/model/precision';
import { weightSpecs } from '../../src/model/weights';
import type { Recipe } from '../../src/recipe/recipe';
import type { TrainingPrograms } from '../../src/train/programs';
import { sampleCache } from '../../src/train/prompts';
import { countingGpu } from './counting-gpu';

export function openDevice(): Device {
  return describeDevice(countingGpu(), { vendor: 'counting' } as GPUAdapterInfo);
}

/** The types that `expectedStorage` gives for files in F16 or BF16, with the recipe's precision for linear layers. */
export function dtypesOf(config: ModelConfig, { basePrecision }: Pick<Recipe, 'basePrecision'>): (name: string) => DType {
  const stored = weightSpecs(config).map(({ name, shape }) => [name, shape.length > 1 ? 'f16' : 'f32'] as const);
  return deviceTypes(config, new Map(stored), basePrecision);
}

/** The programs that measure the base and write samples; none of a classifier. */
export function samplePlans(graph: Graph, config: ModelConfig, recipe: Recipe, { tuning, evaluateBase }: TrainingPrograms) {
  if (evaluateBase === null) return [];
  const cache = declareCache(graph, config, sampleCache(config, recipe));
  const { prompt, step } = decodePlans(graph, config, cache, cache.sequences, tuning);
  return [evaluateBase, prompt.plan, step.plan];
}

/** Compiles and runs every program of a run with samples, writes a batch, and reads the adapter. Returns the bytes of all buffers. */
export async function allocated(
  device: Device,
  graph: Graph,
  config: ModelConfig,
  recipe: Recipe,
  programs: TrainingPrograms,
): Promise<number> {
  const executor = new WebGpuExecutor(device);
  const { train, update, evaluate, tuning, batch, seed, lossScale } = programs;
  for (const plan of [train, update, evaluate, ...samplePlans(graph, config, recipe, programs)])
    await executor.run(await executor.compile(plan));
  for (const value of [batch.ids, batch.positions, batch.segments, batch.labels, batch.weights, seed, lossScale]) {
    const size = sizeOf(value.shape);
    executor.write(value, value.dtype === 'i32' ? new Int32Array(size) : new Float32Array(size));
  }
  await executor.read(tuning.parameters.flat);
  return device.buffers.bytes;
}
