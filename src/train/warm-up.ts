/** Compiles the kernels of a run ahead of it: a driver takes seconds for what no one should wait for after pressing the button. */

import type { DType } from '../core/dtype';
import type { Device } from '../gpu/device';
import { Graph } from '../graph/graph';
import type { Plan } from '../graph/plan';
import type { ModelConfig } from '../model/config';
import { declareWeights } from '../model/llama';
import type { Recipe } from '../recipe/recipe';
import { trainingPrograms } from './programs';

/** Resolves when the pipelines of every program of the run are there. Allocates no buffer. Throws `gpu/shader`. */
export async function warmUp(
  device: Device,
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: (name: string) => DType,
): Promise<void> {
  const graph = new Graph();
  declareWeights(graph, config, dtypeOf);
  const { train, update, evaluate, evaluateBase } = trainingPrograms(graph, config, recipe, 'warm-up');
  await Promise.all([train, update, evaluate, evaluateBase].map((plan) => compilePipelines(device, plan)));
}

async function compilePipelines({ pipelines, target }: Device, plan: Plan): Promise<void> {
  const dispatches = plan.nodes.flatMap((node) => node.op.launch(node, node.attrs, target).dispatches);
  await Promise.all(dispatches.map((dispatch) => pipelines.get(dispatch)));
}
