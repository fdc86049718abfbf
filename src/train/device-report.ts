/** What a device reaches: its ceilings, products of some sizes, and a training step of a model, without its weights. */

import type { DType } from '../core/dtype';
import { yieldToEventLoop } from '../core/event-loop';
import type { Executor } from '../graph/executor';
import { Graph } from '../graph/graph';
import { measurePace, measureProduct, type Measured } from '../graph/pace';
import type { RematPolicy } from '../graph/remat';
import type { ModelConfig } from '../model/config';
import { declareWeights } from '../model/weights';
import type { Recipe } from '../recipe/recipe';
import type { Engine } from './engine';
import { forecastMemory } from './forecast';
import type { Job } from './job';
import { trainingPrograms } from './programs';
import type { DeviceReport } from './types';

/** Products: rows, and columns and depth. */
const PRODUCTS = [
  [1, 576],
  [256, 576],
  [512, 1024],
] as const;

/** The first step allocates and is not counted; the fastest of the others is. */
const STEPS = 4;

/** The step that is measured. */
export interface MeasuredStep {
  readonly config: ModelConfig;
  readonly recipe: Recipe;
  readonly job: Job;
  readonly dtypeOf: (name: string) => DType;
}

/** Takes some seconds. Throws `gpu/memory` when the step does not fit, and the reason when `signal` aborts. */
export async function reportDevice(engine: Engine, signal: AbortSignal, step: MeasuredStep): Promise<DeviceReport> {
  const device: Measured = { open: (graph) => engine.executor(graph), signal };
  const pace = await measurePace(device);
  const products = [];
  for (const [rows, size] of PRODUCTS)
    products.push({ rows, size, flops: (2 * rows * size ** 2) / (await measureProduct(device, rows, size)) });
  return { peak: await engine.peak, ...pace, products, step: await reportStep(engine, signal, step) };
}

async function reportStep(engine: Engine, signal: AbortSignal, step: MeasuredStep): Promise<DeviceReport['step']> {
  const { config, recipe, job, dtypeOf } = step;
  const graph = new Graph();
  const executor = engine.executor(graph);
  try {
    declareWeights(graph, config, dtypeOf);
    const { remat } = forecastMemory(config, recipe, dtypeOf, engine.machine, job);
    return await timeStep(executor, graph, step, remat, signal);
  } finally {
    executor.dispose();
  }
}

/** Weights and batches are zeros, which take the same time. */
async function timeStep(
  executor: Executor,
  graph: Graph,
  { config, recipe, job }: MeasuredStep,
  remat: RematPolicy,
  signal: AbortSignal,
): Promise<DeviceReport['step']> {
  const programs = trainingPrograms(graph, config, recipe, 'report', remat, job);
  const train = await executor.compile(programs.train);
  const update = await executor.compile(programs.update);
  await executor.granted();
  let seconds = Infinity;
  for (let i = 0; i < STEPS; i++) {
    signal.throwIfAborted();
    const started = performance.now();
    for (let micro = 1; micro < recipe.gradientAccumulation; micro++) void executor.run(train);
    await Promise.all([executor.run(train), executor.run(update)]);
    if (i > 0) seconds = Math.min(seconds, (performance.now() - started) / 1000);
    await yieldToEventLoop();
  }
  const tokens = recipe.sequenceLength * recipe.microBatch * recipe.gradientAccumulation;
  return { seconds, tokens, flops: recipe.gradientAccumulation * programs.train.flops + programs.update.flops };
}
