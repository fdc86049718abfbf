/** Plans the programs of a run: training step, update, held-out loss with the adapter and of the base. Allocates nothing. */

import { internal } from '../core/errors';
import { gradient } from '../graph/gradient';
import type { Flat, Graph, Program } from '../graph/graph';
import { plan, type Plan } from '../graph/plan';
import { KEEP_ALL, type RematPolicy } from '../graph/remat';
import { declareTuning } from '../method';
import type { Tuning } from '../method/method';
import type { Parameters } from '../method/parameters';
import type { ModelConfig } from '../model/config';
import { declareBatch, type BatchInputs, type BatchShape, type InputColumn } from '../model/pass';
import { declareWeights } from '../model/weights';
import { objectiveOf } from '../objective';
import { updateWith, type Optimizer } from '../optim/adamw';
import { averageWith } from '../optim/ema';
import type { Recipe } from '../recipe/recipe';
import { taskOf } from '../recipe/tasks';
import { accumulate } from '../../kernels/accumulate';
import { embedding } from '../../kernels/embedding';
import type { LossScale } from '../../kernels/lossscale';
import type { Value } from '../../kernels/op';
import { rowNorm } from '../../kernels/row_norm';
import { unary } from '../../kernels/unary';
import { batchShapeOf, headParameters, LANGUAGE, type Job, type Teacher } from './job';
import { lossContext, type ConstantData, type DeclaredTeacher, type LossSetup } from './loss-context';

export interface TrainingPrograms {
  /** Declares all values below; they are released together. */
  readonly scope: Graph;
  /** Declares the weights of the teacher, which the session writes before the first step, and its tables; null without one. */
  readonly teacher: DeclaredTeacher | null;
  readonly tuning: Tuning;
  /** The average of what is trained, which is measured and answers; null where none is kept. */
  readonly averaged: Tuning | null;
  readonly gradients: Flat;
  readonly optimizer: Optimizer;
  readonly batch: BatchInputs;
  /** [2] i32: seed and step, for dropout. */
  readonly seed: Value;
  /** Noise on the embeddings in training, [M, C]; null without. */
  readonly noise: Value | null;
  /** [1] f32: multiplies the loss, and so every gradient. `scaling.scale`, or without scaling an input that holds 1. */
  readonly lossScale: Value;
  /** Dynamic loss scaling, updated on the device: only with f16 activations, whose gradients would underflow. Otherwise null. */
  readonly scaling: LossScale | null;
  /** Sets the parameters that start from weights of the base, and are zero before; null when there are none. No outputs. */
  readonly start: Plan | null;
  /** i32: the tokens whose embeddings `start` takes, which `constants` has if the job has them; null where it takes none. */
  readonly startIds: Value | null;
  /** Written once, before the first run. */
  readonly constants: ConstantData;
  /** Names of the objective's figures in a step, and in a measurement of what is trained and of the base. */
  readonly figures: readonly string[];
  readonly measured: { readonly tuned: readonly string[]; readonly base: readonly string[] };
  /** Forward and backward pass of one micro-batch; accumulates the gradients. Outputs: loss [1], and the figures. */
  readonly train: Plan;
  /** Clips the gradients, applies AdamW, zeroes the gradients. Outputs: gradient norm [1]; with `scaling` also the loss scale used [1]. */
  readonly update: Plan;
  /** Loss [1] and figures of a batch, with what is trained and of the base; the base has no classifier. */
  readonly evaluate: Plan;
  readonly evaluateBase: Plan | null;
}

/** Plans all programs of a run over the weights of `model`. The run's values are declared in a scope of their own; `name` is a label. */
export function trainingPrograms(
  model: Graph,
  config: ModelConfig,
  recipe: Recipe,
  name: string,
  remat: RematPolicy = KEEP_ALL,
  job: Job = LANGUAGE,
): TrainingPrograms {
  const graph = model.scope();
  const objective = objectiveOf(job.objective);
  const shape = batchShapeOf(recipe);
  const tuning = declareTuning(graph, name, config, recipe.method, headParameters(config, job));
  const averaged =
    recipe.ema > 0 ? declareTuning(graph, `${name}.ema`, config, recipe.method, headParameters(config, job)) : null;
  const { parameters } = tuning;
  const gradients = graph.declareFlat(`${name}.gradient`, 'state', parameters.trained.all);
  const batch = declareBatch(graph, `${name}.batch`, shape, [...job.columns, ...rolloutColumns(job, shape)]);
  const seed = graph.declare(`${name}.seed`, 'input', [2], 'i32');
  const scaling = recipe.activationPrecision === 'f16' ? declareScaling(graph, name) : null;
  const lossScale = scaling?.scale ?? graph.declare(`${name}.lossScale`, 'input', [1]);
  const constants: ConstantData = new Map();
  const teacher = job.teacher === undefined ? null : declareTeacher(model, job.teacher);
  const { documents, labelWeights } = job;
  const values = objective.hasValues === true;
  const common = { graph, config, teacher, batch, shape, constants, documents, labelWeights, values };
  const noiseShape = [shape.rows * shape.tokens, config.hiddenSize];
  const noise = recipe.neftuneAlpha > 0 ? graph.declare(`${name}.noise`, 'input', noiseShape) : null;
  const lossIn = (program: Program, of: Pick<LossSetup, 'tuning' | 'seed' | 'training' | 'noise'>) =>
    objective.loss(lossContext(program, { ...common, ...of }), job.objective);

  const train = graph.program(`${name}.train`);
  const trained = lossIn(train, { tuning, seed, training: true, noise });
  accumulateGradients(train, trained.loss, lossScale, parameters.trained, gradients);
  const update = graph.program(`${name}.update`);
  const optimizer = updateWith(update, name, parameters, gradients, scaling);
  if (averaged !== null) averageWith(update, averaged.parameters, parameters, recipe.ema);
  const evaluation = (label: string, of: Tuning | null) =>
    evaluationPlan(graph.program(`${name}.${label}`), { ...common, tuning: of }, job, recipe);
  const evaluate = evaluation('evaluate', averaged ?? tuning);
  const evaluateBase = taskOf(job.objective) === null ? evaluation('evaluateBase', null) : null;
  return {
    scope: graph,
    ...{ teacher, tuning, averaged, gradients, optimizer, batch, seed, noise, lossScale, scaling, constants },
    ...{ figures: Object.keys(trained.figures), measured: { tuned: evaluate.figures, base: evaluateBase?.figures ?? [] } },
    ...startOf(graph, name, [parameters, ...(averaged === null ? [] : [averaged.parameters])], { constants, ids: job.startIds }),
    train: plan(train, [trained.loss, ...Object.values(trained.figures)], remat, recipe.activationPrecision),
    update: plan(update, [optimizer.norm, ...(optimizer.scaleUsed === null ? [] : [optimizer.scaleUsed])]),
    evaluate: evaluate.plan,
    evaluateBase: evaluateBase?.plan ?? null,
  };
}

function rolloutColumns({ rollout = [] }: Job, { rows, tokens }: BatchShape): readonly InputColumn[] {
  return rollout.map((name) => ({ name, dtype: 'f32', shape: [rows * tokens] }));
}

/** Loss [1] and figures of a batch, without dropout; the plan's outputs are in this order. */
export function evaluationPlan(
  program: Program,
  setup: Omit<LossSetup, 'seed' | 'training'>,
  { objective }: Job,
  { activationPrecision }: Pick<Recipe, 'activationPrecision'>,
): { readonly plan: Plan; readonly figures: readonly string[] } {
  const context = lossContext(program, { ...setup, seed: null, training: false });
  const { loss, figures } = objectiveOf(objective).loss(context, objective);
  const outputs = [loss, ...Object.values(figures)];
  return { plan: plan(program, outputs, KEEP_ALL, activationPrecision), figures: Object.keys(figures) };
}

/** Appends the backward pass of `loss` [1]; gradients of the parameters, times `lossScale` [1], are added to `gradients`. */
function accumulateGradients(program: Program, loss: Value, lossScale: Value, parameters: Flat, gradients: Flat): void {
  const found = gradient(program, new Map([[loss, lossScale]]), parameters.views);
  parameters.views.forEach((parameter, i) => {
    const [into, part] = [gradients.views[i], found.get(parameter)];
    if (into === undefined || part === undefined) throw internal(`${parameter.name} has no gradient`);
    accumulate(program, into, part);
  });
}

interface StartTokens {
  readonly constants: ConstantData;
  readonly ids: readonly number[] | undefined;
}

/** `all`: vectors of the same parameters, which start alike. */
function startOf(
  graph: Graph,
  name: string,
  all: readonly Parameters[],
  { constants, ids }: StartTokens,
): Pick<TrainingPrograms, 'start' | 'startIds'> {
  const program = graph.program(`${name}.start`);
  const counts = all.flatMap((one) => one.all.flatMap(({ init, shape }) => (init.kind === 'token-rows' ? [shape[0] ?? 0] : [])));
  const [count] = counts;
  const startIds = count === undefined ? null : graph.declare(`${name}.startIds`, 'input', [count], 'i32');
  if (startIds !== null && ids !== undefined) constants.set(startIds, Int32Array.from(ids));
  for (const parameters of all) start(program, parameters, startIds);
  return { start: program.nodes.length === 0 ? null : plan(program, []), startIds };
}

function start(program: Program, parameters: Parameters, startIds: Value | null): void {
  const { graph } = program;
  for (const { name: parameter, init } of parameters.all) {
    if (init.kind === 'token-rows' && startIds !== null)
      accumulate(program, parameters.named(parameter), tokenRows(program, graph.named(init.of), startIds, init.scale));
    if (init.kind === 'weight') accumulate(program, parameters.named(parameter), inF32(program, graph.named(parameter)));
    if (init.kind !== 'row-norm') continue;
    const norm = rowNorm(program, inF32(program, graph.named(init.of)), { reciprocal: false });
    accumulate(program, parameters.named(parameter), norm);
  }
}

function tokenRows(program: Program, table: Value, ids: Value, scale: number): Value {
  const rows = embedding(program, { table, ids });
  return scale === 1 ? rows : unary(program, rows, { kind: 'affine', scale, shift: 0 });
}

function inF32(program: Program, weight: Value): Value {
  return weight.dtype === 'f32' ? weight : unary(program, weight, { kind: 'affine', scale: 1, shift: 0 });
}

/** Declares the weights of a teacher in a graph of their own. */
export function declareTeacher(model: Graph, { config, dtypeOf, write }: Teacher): DeclaredTeacher {
  const graph = model.isolated();
  declareWeights(graph, config, dtypeOf);
  return { graph, config, write: (executor) => write(executor, graph) };
}

function declareScaling(graph: Graph, name: string): LossScale {
  return {
    scale: graph.declare(`${name}.lossScale`, 'state', [1]),
    good: graph.declare(`${name}.goodSteps`, 'state', [1]),
  };
}
