/** The memory and the length of a run, from its config and recipe alone: the graph is built and planned, nothing is loaded. */

import { trainableCount } from '../adapter/lora';
import type { DType } from '../core/dtype';
import { CodedError, internal, type Problem } from '../core/errors';
import type { Target } from '../gpu/device';
import { Graph, valueBytes } from '../graph/graph';
import { layOut, peakLive, share } from '../graph/memory';
import type { Plan } from '../graph/plan';
import { ways, type Keep } from '../graph/recompute';
import type { ModelConfig } from '../model/config';
import { cacheCapacity, decodeStages } from '../model/generate';
import { declareWeights } from '../model/llama';
import { declareCache } from '../model/pass';
import type { Recipe } from '../recipe/recipe';
import { targetLayers, trainingPrograms } from './programs';
import type { Forecast, MemoryForecast } from './types';

/** Updates of a run over an epoch of `microSteps` micro-batches. */
export function totalSteps(recipe: Pick<Recipe, 'epochs' | 'maxSteps' | 'gradientAccumulation'>, microSteps: number): number {
  return recipe.maxSteps || Math.max(1, Math.ceil((recipe.epochs * microSteps) / recipe.gradientAccumulation));
}

/** Throws one `recipe/invalid` with everything in the recipe that this model can't do. */
export function checkRecipe(config: ModelConfig, recipe: Recipe): void {
  const problems: Problem[] = [];
  const reach = Math.min(config.maxPositions, config.slidingWindow ?? Infinity);
  if (recipe.sequenceLength > reach) {
    problems.push({
      where: 'sequenceLength',
      message: `${recipe.sequenceLength} is over the ${reach} tokens that this model can attend to; choose ${reach} or less`,
    });
  }
  if (recipe.targetModules !== 'all-linear') {
    for (const target of recipe.targetModules) {
      if (targetLayers(config, { targetModules: [target] }).length > 0) continue;
      problems.push({
        where: 'targetModules',
        message: `no layer of this model is named ${target}; choose from q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj`,
      });
    }
  }
  if (problems.length === 0) return;
  const list = problems.map(({ where, message }) => `${where}: ${message}`).join('; ');
  throw new CodedError('recipe/invalid', `This recipe does not fit the model: ${list}.`, problems);
}

/** What a forecast has to know of the machine. */
export interface Machine {
  /** Null on the processor, where every weight is held as f32. */
  readonly target: Target | null;
  /** Bytes that a run may take. */
  readonly budget: number;
}

/** Bytes and steps of a run. `microSteps` is the number of micro-batches of one epoch. */
export function forecastRun(
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: (name: string) => DType,
  machine: Machine,
  microSteps: number,
): Forecast {
  checkRecipe(config, recipe);
  return {
    ...forecastMemory(config, recipe, dtypeOf, machine),
    trainable: trainableCount(targetLayers(config, recipe), recipe.rank),
    steps: totalSteps(recipe, microSteps),
    tokensPerStep: recipe.sequenceLength * recipe.microBatch * recipe.gradientAccumulation,
  };
}

/** Bytes of a run that keeps as much for its backward pass as the budget allows, or as little as it can. */
export function forecastMemory(
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: (name: string) => DType,
  machine: Machine,
): MemoryForecast {
  const budget = recipe.memoryLimit > 0 ? 1e9 * recipe.memoryLimit : machine.budget;
  let forecast: MemoryForecast | undefined;
  for (const keep of ways(config.layers)) {
    forecast = forecastWith(config, recipe, dtypeOf, machine.target, keep);
    if (forecast.total <= budget) break;
  }
  if (forecast === undefined) throw internal('a model without a way to run it');
  return forecast;
}

/** Bytes of a run that keeps what `keep` says. */
export function forecastWith(
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: (name: string) => DType,
  target: Target | null,
  keep: Keep,
): MemoryForecast {
  const graph = new Graph();
  declareWeights(graph, config, target === null ? () => 'f32' : dtypeOf);
  const weights = declaredBytes(graph);
  const programs = trainingPrograms(graph, config, recipe, 'forecast', keep);
  const adapter = valueBytes(programs.adapter.flat);
  const training = declaredBytes(graph);
  const decode = declareCache(graph, config, 'cache', cacheCapacity(config));
  const adaptation = { adapter: programs.adapter, seed: null };
  const sampling = [null, adaptation].flatMap((each, i) => decodeStages(graph, config, decode, `forecast.${i}`, each));
  const plans = [programs.train, programs.update, programs.evaluate, programs.evaluateBase, ...sampling.map(({ plan }) => plan)];
  const parts = {
    weights,
    adapter,
    optimizer: 3 * adapter,
    activations: target === null ? Math.max(...plans.map((plan) => peakLive(plan))) : sharedBytes(plans, target),
    batch: training - weights - 4 * adapter,
    sampling: declaredBytes(graph) - training,
    reading: target === null ? 0 : adapter + stagingBytes(plans),
  };
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  return { ...parts, total, keep, recomputed: programs.train.recomputed / programs.train.flops };
}

function declaredBytes(graph: Graph): number {
  return graph.declared().reduce((sum, value) => sum + valueBytes(value), 0);
}

/** Temporaries and scratch of plans that run one after the other. */
function sharedBytes(plans: readonly Plan[], target: Target): number {
  const pool: number[] = [];
  for (const plan of plans) share(pool, layOut(plan, (node) => node.op.launch(node, node.attrs, target).scratch).buffers);
  return pool.reduce((sum, bytes) => sum + bytes, 0);
}

/** What is read back of each plan, in a buffer for each size. */
function stagingBytes(plans: readonly Plan[]): number {
  const sizes = plans.map(({ outputs }) => outputs.reduce((sum, value) => sum + valueBytes(value), 0));
  return [...new Set(sizes)].reduce((sum, bytes) => sum + bytes, 0);
}
