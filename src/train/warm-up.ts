/** Compiles the kernels of a run before it starts, since a driver takes seconds for them. */

import type { DType } from '../core/dtype';
import type { Device } from '../gpu/device';
import { Graph } from '../graph/graph';
import { launcher } from '../graph/launches';
import type { ModelConfig } from '../model/config';
import { declareWeights } from '../model/weights';
import type { Recipe } from '../recipe/recipe';
import { KEEP_ALL } from '../graph/remat';
import type { Job } from './job';
import { trainingPrograms } from './programs';
import type { Tiles, Tuner } from './tune';

/** Resolves when the pipelines of all programs of the run are compiled. Only `tune` allocates buffers. Throws `gpu/shader`. */
export async function warmUp(
  device: Device,
  config: ModelConfig,
  recipe: Recipe,
  job: Job,
  dtypeOf: (name: string) => DType,
  tune: Tuner | null,
): Promise<void> {
  const graph = new Graph();
  declareWeights(graph, config, dtypeOf);
  const { train, update, evaluate, evaluateBase } = trainingPrograms(graph, config, recipe, 'warm-up', KEEP_ALL, job);
  const tiles: Tiles = (await tune?.([train, evaluate])) ?? {};
  const target = { ...device.target, tiles: (product: string) => tiles[product] };
  const nodes = [train, update, evaluate, evaluateBase].flatMap((plan) => plan?.nodes ?? []);
  const launches = new Set(nodes.map(launcher(target)));
  await Promise.all([...launches].flatMap(({ dispatches }) => dispatches.map((dispatch) => device.pipelines.get(dispatch))));
}
