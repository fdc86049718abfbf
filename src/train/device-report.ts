/** What a device reaches: its ceilings, products of some sizes, and a training step of a model, without its weights. */

import { measureProduct, type Measured } from '../graph/pace';
import type { Engine } from './engine';
import { forecastMemory } from './forecast';
import { measurePace } from './pace';
import { timeStep, type MeasuredStep } from './step-time';
import type { DeviceReport } from './types';

/** Products: rows, and columns and depth. */
const PRODUCTS = [
  [1, 576],
  [256, 576],
  [512, 1024],
] as const;

/** Takes some seconds. Throws `gpu/memory` when the step does not fit, and the reason when `signal` aborts. */
export async function reportDevice(
  engine: Engine,
  signal: AbortSignal,
  { config, recipe, job, dtypeOf }: Omit<MeasuredStep, 'remat'>,
): Promise<DeviceReport> {
  const device: Measured = { open: (graph) => engine.executor(graph), signal };
  const pace = await measurePace(device, engine.machine);
  const products = [];
  for (const [rows, size] of PRODUCTS)
    products.push({ rows, size, flops: (2 * rows * size ** 2) / (await measureProduct(device, rows, size)) });
  const { remat } = forecastMemory(config, recipe, dtypeOf, engine.machine, job);
  const step = await timeStep(device, { config, recipe, job, remat, dtypeOf });
  // Last: the threads are awake.
  const peak = await engine.peak();
  const tokens = recipe.sequenceLength * recipe.microBatch * recipe.gradientAccumulation;
  return { peak, ...pace, products, step: { ...step, tokens } };
}
