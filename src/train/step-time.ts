/** The time of a training step on a device, without the weights of the model: zeros take the same time. */

import type { DType } from '../core/dtype';
import { yieldToEventLoop } from '../core/event-loop';
import { Graph } from '../graph/graph';
import type { Measured } from '../graph/pace';
import type { RematPolicy } from '../graph/remat';
import type { ModelConfig } from '../model/config';
import { declareWeights } from '../model/weights';
import type { Recipe } from '../recipe/recipe';
import type { Job } from './job';
import { trainingPrograms } from './programs';

/** The step that is measured. */
export interface MeasuredStep {
  readonly config: ModelConfig;
  readonly recipe: Recipe;
  readonly job: Job;
  readonly remat: RematPolicy;
  readonly dtypeOf: (name: string) => DType;
}

/** The first step allocates and is not counted; the fastest of the others is. */
const STEPS = 4;

/** Seconds and operations of a step. Throws `gpu/memory` when it does not fit, and the reason when aborted. */
export async function timeStep(
  { open, signal }: Measured,
  { config, recipe, job, remat, dtypeOf }: MeasuredStep,
): Promise<{ readonly seconds: number; readonly flops: number }> {
  const graph = new Graph();
  const executor = open(graph);
  try {
    declareWeights(graph, config, dtypeOf);
    const programs = trainingPrograms(graph, config, recipe, 'measured', remat, job);
    const [train, update] = [await executor.compile(programs.train), await executor.compile(programs.update)];
    await executor.granted();
    let seconds = Infinity;
    for (let i = 0; i < STEPS; i++) {
      signal.throwIfAborted();
      const started = performance.now();
      const runs = Array.from({ length: recipe.gradientAccumulation }, () => executor.run(train));
      await Promise.all([...runs, executor.run(update)]);
      if (i > 0) seconds = Math.min(seconds, (performance.now() - started) / 1000);
      await yieldToEventLoop();
    }
    return { seconds, flops: recipe.gradientAccumulation * programs.train.flops + programs.update.flops };
  } finally {
    executor.dispose();
  }
}
