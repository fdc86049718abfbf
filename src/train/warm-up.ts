/** Compiles the kernels of a run ahead of it: a driver takes seconds for what no one should wait for after pressing the button. */

import type { DType } from '../core/dtype';
import type { Device } from '../gpu/device';
import { Graph } from '../graph/graph';
import { launcher } from '../graph/launches';
import type { ModelConfig } from '../model/config';
import { declareWeights } from '../model/llama';
import type { Recipe } from '../recipe/recipe';
import { trainingPrograms } from './programs';
import type { Tiles, Tuner } from './tune';

/** Resolves when the pipelines of every program of the run are there. Allocates no buffer, but for `tune`. Throws `gpu/shader`. */
export async function warmUp(
  device: Device,
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: (name: string) => DType,
  tune: Tuner | null,
): Promise<void> {
  const graph = new Graph();
  declareWeights(graph, config, dtypeOf);
  const { train, update, evaluate, evaluateBase } = trainingPrograms(graph, config, recipe, 'warm-up');
  const tiles: Tiles = (await tune?.([train, evaluate])) ?? {};
  const target = { ...device.target, tiles: (product: string) => tiles[product] };
  const nodes = [train, update, evaluate, evaluateBase].flatMap((plan) => plan.nodes);
  const launches = new Set(nodes.map(launcher(target)));
  await Promise.all([...launches].flatMap(({ dispatches }) => dispatches.map((dispatch) => device.pipelines.get(dispatch))));
}
