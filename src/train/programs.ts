/** Plans the programs of a run: training step, update, held-out loss with the adapter and of the base. Allocates nothing. */

import type { Flat, Graph } from '../graph/graph';
import { plan, type Plan } from '../graph/plan';
import { KEEP_ALL, type RematPolicy } from '../graph/remat';
import type { ModelConfig } from '../model/config';
import { declareTuning } from '../method';
import type { Tuning } from '../method/method';
import type { Parameters } from '../method/parameters';
import type { Adaptation } from '../model/family';
import { declareBatch, headOf, packedHidden, type BatchInputs, type BatchShape } from '../model/pass';
import { evaluationLoss, trainingLoss } from '../objective/sft';
import { updateWith, type Optimizer } from '../optim/adamw';
import type { Recipe } from '../recipe/recipe';
import type { LossScale } from '../../kernels/lossscale';
import { accumulate } from '../../kernels/accumulate';
import type { Value } from '../../kernels/op';
import { unary } from '../../kernels/unary';

export interface TrainingPrograms {
  /** Declares all values below; they are released together. */
  readonly scope: Graph;
  readonly tuning: Tuning;
  readonly gradients: Flat;
  readonly optimizer: Optimizer;
  readonly batch: BatchInputs;
  /** [2] i32: seed and step, for dropout. */
  readonly seed: Value;
  /** [1] f32: multiplies the loss, and so every gradient. `scaling.scale`, or without scaling an input that holds 1. */
  readonly lossScale: Value;
  /** Dynamic loss scaling, updated on the device: only with f16 activations, whose gradients would underflow. Otherwise null. */
  readonly scaling: LossScale | null;
  /** Sets the parameters that start as weights of the base, and are zero before; null when there are none. No outputs. */
  readonly start: Plan | null;
  /** Forward and backward pass of one micro-batch; accumulates the gradients. Output: loss [1]. */
  readonly train: Plan;
  /** Clips the gradients, applies AdamW, zeroes the gradients. Outputs: gradient norm [1]; with `scaling` also the loss scale used [1]. */
  readonly update: Plan;
  /** Loss [1] of a batch with the adapter, and of the base. */
  readonly evaluate: Plan;
  readonly evaluateBase: Plan;
}

/** Plans all programs of a run over the weights of `model`. The run's values are declared in a scope of their own; `name` is a label. */
export function trainingPrograms(
  model: Graph,
  config: ModelConfig,
  recipe: Recipe,
  name: string,
  remat: RematPolicy = KEEP_ALL,
): TrainingPrograms {
  const graph = model.scope();
  const shape: BatchShape = { rows: recipe.microBatch, tokens: recipe.sequenceLength };
  const tuning = declareTuning(graph, name, config, recipe.method);
  const { parameters } = tuning;
  const gradients = graph.declareFlat(`${name}.gradient`, 'state', parameters.all);
  const batch = declareBatch(graph, `${name}.batch`, shape);
  const seed = graph.declare(`${name}.seed`, 'input', [2], 'i32');
  const scaling = recipe.activationPrecision === 'f16' ? declareScaling(graph, name) : null;
  const lossScale = scaling?.scale ?? graph.declare(`${name}.lossScale`, 'input', [1]);
  const targets = (adaptation: Adaptation | null) => ({
    ...{ head: headOf(graph, config, adaptation), labels: batch.labels, weights: batch.weights },
  });

  const train = graph.program(`${name}.train`);
  const trainLoss = trainingLoss(
    train,
    packedHidden(train, graph, config, batch, shape, tuning, seed),
    targets(tuning),
    lossScale,
    parameters,
    gradients,
  );
  const update = graph.program(`${name}.update`);
  const optimizer = updateWith(update, name, parameters, gradients, scaling);
  const evaluation = (label: string, adaptation: Adaptation | null) => {
    const program = graph.program(`${name}.${label}`);
    const hidden = packedHidden(program, graph, config, batch, shape, adaptation);
    return plan(program, [evaluationLoss(program, hidden, targets(adaptation))], KEEP_ALL, recipe.activationPrecision);
  };
  return {
    scope: graph,
    tuning,
    gradients,
    optimizer,
    batch,
    seed,
    lossScale,
    scaling,
    start: startPlan(graph, name, parameters),
    train: plan(train, [trainLoss], remat, recipe.activationPrecision),
    update: plan(update, [optimizer.norm, ...(optimizer.scaleUsed === null ? [] : [optimizer.scaleUsed])]),
    evaluate: evaluation('evaluate', tuning),
    evaluateBase: evaluation('evaluateBase', null),
  };
}

function startPlan(graph: Graph, name: string, parameters: Parameters): Plan | null {
  const copied = parameters.all.filter(({ init }) => init.kind === 'weight');
  if (copied.length === 0) return null;
  const program = graph.program(`${name}.start`);
  for (const parameter of copied) {
    const weight = graph.named(parameter.name);
    const inF32 = weight.dtype === 'f32' ? weight : unary(program, weight, { kind: 'affine', scale: 1, shift: 0 });
    accumulate(program, parameters.named(parameter.name), inF32);
  }
  return plan(program, []);
}

function declareScaling(graph: Graph, name: string): LossScale {
  return {
    scale: graph.declare(`${name}.lossScale`, 'state', [1]),
    good: graph.declare(`${name}.goodSteps`, 'state', [1]),
  };
}
