/** The memory and the length of a run, from its config and recipe alone: the graph is built and planned, nothing is loaded. */

import { trainableCount } from '../adapter/lora';
import type { DType } from '../core/dtype';
import { CodedError, type Problem } from '../core/errors';
import type { Target } from '../gpu/device';
import { Graph } from '../graph/graph';
import { slotBytes, valueBytes, type Plan } from '../graph/plan';
import type { ModelConfig } from '../model/config';
import { declareWeights } from '../model/llama';
import type { Recipe } from '../recipe/recipe';
import { targetLayers, trainingPrograms } from './programs';
import type { Forecast } from './types';

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

/**
 * Bytes and steps of a run. `target` is null on the processor, where every weight is held as f32. `microSteps` is the number
 * of micro-batches of one epoch.
 */
export function forecastRun(
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: (name: string) => DType,
  target: Target | null,
  microSteps: number,
): Forecast {
  checkRecipe(config, recipe);
  const graph = new Graph();
  declareWeights(graph, config, target === null ? () => 'f32' : dtypeOf);
  const weights = graph.declared().reduce((sum, value) => sum + valueBytes(value), 0);
  const programs = trainingPrograms(graph, config, recipe, 'forecast');
  const adapter = valueBytes(programs.adapter.flat);
  const plans = [programs.train, programs.update, programs.evaluate, programs.evaluateBase];
  const activations = plans.reduce(
    (sum, plan) => sum + (target === null ? plan.peakLive : slotBytes(plan) + scratchBytes(plan, target)),
    0,
  );
  const inputs = graph.declared().reduce((sum, value) => sum + (value.role === 'input' ? valueBytes(value) : 0), 0);
  return {
    weights,
    adapter,
    optimizer: 3 * adapter,
    activations: activations + inputs,
    total: weights + 4 * adapter + activations + inputs,
    trainable: trainableCount(targetLayers(config, recipe), recipe.rank),
    steps: totalSteps(recipe, microSteps),
    tokensPerStep: recipe.sequenceLength * recipe.microBatch * recipe.gradientAccumulation,
  };
}

/** Scratch is shared by the nodes of a plan: the largest of each number. */
function scratchBytes(plan: Plan, target: Target): number {
  const sizes: number[] = [];
  for (const node of plan.nodes) {
    node.op.launch(node, node.attrs, target).scratch.forEach((size, i) => (sizes[i] = Math.max(sizes[i] ?? 0, size)));
  }
  return sizes.reduce((sum, size) => sum + size, 0);
}
