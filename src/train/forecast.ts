/** The memory and the number of steps of a run, from config and recipe alone: the graph is built and planned, nothing is loaded. */

import type { DType } from '../core/dtype';
import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import type { Target } from '../gpu/device';
import { peakWithTwins, sharedBytes, stagingBytes } from '../graph/footprint';
import { Graph, valueBytes } from '../graph/graph';
import { launcher } from '../graph/launches';
import { peakLive } from '../graph/memory';
import type { Plan } from '../graph/plan';
import { effortOf, secondsOf, total, type Effort, type Pace } from '../graph/pace';
import { heldBytes, processorLaunch } from '../graph/processor-launch';
import { rematPolicies, type RematPolicy } from '../graph/remat';
import type { ModelConfig } from '../model/config';
import { decodePlans } from '../model/decode-programs';
import { parametersOf } from '../method';
import type { Tuning } from '../method/method';
import { parameterCount } from '../method/parameters';
import { declareCache } from '../model/decode-pass';
import { declareWeights } from '../model/weights';
import { totalSteps } from '../optim/schedule';
import { answersPerPrompt } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import type { Processor, Value } from '../../kernels/op';
import { measuredTokens } from './batches';
import { checkRecipe } from './check-recipe';
import { headParameters, LANGUAGE, writesText, type Job } from './job';
import { trainingPrograms } from './programs';
import { sampleCache } from './prompts';
import { costsOf, forecastSeconds, USUAL_PACE } from './timetable';
import type { Efforts, Forecast, MemoryForecast } from './types';

/** What a forecast needs to know about the device. */
export interface Machine {
  /** The GPU that runs our kernels. */
  readonly target?: Target;
  /** The processor that runs our kernels. Where neither does, twins run, and every number is held as f32. */
  readonly processor?: Processor;
  /** Twins run on tfjs's WebGPU backend, which keeps freed buffers; see `POOLED`. */
  readonly pooled?: boolean;
  /** Bytes that a run may use. */
  readonly budget: number;
}

/**
 * Bytes, steps and seconds of a run. `microSteps` is the number of micro-batches of one epoch; `pace` of the device, null while it is not
 * known. Throws `recipe/invalid`.
 */
export function forecastRun(
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: (name: string) => DType,
  machine: Machine,
  microSteps: number,
  job: Job = LANGUAGE,
  pace: Pace | null = null,
): Omit<Forecast, 'fileBytes'> {
  checkRecipe(config, recipe);
  const memory = forecastMemory(config, recipe, dtypeOf, machine, job);
  const steps = totalSteps(recipe, microSteps);
  const costs = costsOf(memory.efforts, recipe, heldOutBatches(recipe, microSteps));
  return {
    ...memory,
    trainable: parameterCount(parametersOf(config, recipe.method, headParameters(config, job))),
    steps,
    seconds:
      pace === null
        ? null
        : secondsOf(readingOf(memory.efforts, recipe, microSteps), pace) + forecastSeconds(costs, recipe, steps, pace),
    stepSeconds: secondsOf(costs.step, pace ?? USUAL_PACE),
    tokensPerStep: recipe.sequenceLength * recipe.microBatch * recipe.gradientAccumulation,
  };
}

/** What comes before the first step of `easy-first`: the base reads all training examples. */
function readingOf({ evaluate, evaluateBase }: Efforts, { order }: Recipe, microSteps: number): Effort {
  return total(order === 'easy-first' ? [[microSteps, evaluateBase ?? evaluate]] : []);
}

/** Batches of a measurement, from the share of the data that is held out. */
function heldOutBatches(recipe: Recipe, microSteps: number): number {
  const { heldOutRatio, testRatio, sequenceLength, microBatch } = recipe;
  const tokens = sequenceLength * microBatch;
  const there = (microSteps * tokens * heldOutRatio) / Math.max(0.01, 1 - heldOutRatio - testRatio);
  return Math.ceil(Math.min(there, measuredTokens(recipe, microSteps)) / tokens);
}

/** Bytes of a run under the first remat policy that fits the budget, or under the one that needs least. */
export function forecastMemory(
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: (name: string) => DType,
  machine: Machine,
  job: Job = LANGUAGE,
): MemoryForecast {
  const budget = recipe.memoryLimit > 0 ? 1e9 * recipe.memoryLimit : machine.budget;
  const held = machine.target === undefined && machine.processor === undefined ? null : dtypeOf;
  const memory = memoryOn(machine);
  const all = rematPolicies(config.layers);
  for (const remat of all) {
    const sketch = sketchRun(config, recipe, held, remat, job);
    const last = remat === all.at(-1);
    if (!last && totalOf(sketch.parts) + peakLive(sketch.train) > budget) continue;
    const forecast = measure(sketch, memory);
    if (last || forecast.total <= budget) return forecast;
  }
  throw internal('there is no remat policy');
}

/** Bytes of a run under the policy `remat`. */
export function forecastWith(
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: (name: string) => DType,
  target: Target | null,
  remat: RematPolicy,
  pooled = false,
): MemoryForecast {
  const sketch = sketchRun(config, recipe, target === null ? null : dtypeOf, remat);
  return measure(sketch, memoryOn({ ...(target !== null && { target }), pooled }));
}

/** The programs of a run, and its bytes without temporaries and staging buffers. */
interface Sketch {
  readonly parts: Pick<MemoryForecast, 'weights' | 'adapter' | 'optimizer' | 'batch' | 'sampling'>;
  /** A step runs `train` for each of its micro-batches, then `update`. */
  readonly train: Plan;
  readonly update: Plan;
  readonly microBatches: number;
  readonly evaluate: Plan;
  readonly evaluateBase: Plan | null;
  /** The programs of decoding: a prompt, and a token; null where nothing is sampled. */
  readonly decode: { readonly prompt: Plan; readonly token: Plan } | null;
  /** All of them. */
  readonly plans: readonly Plan[];
  readonly remat: RematPolicy;
}

/** `dtypeOf` is null for twins, which hold every number as f32. */
function sketchRun(
  config: ModelConfig,
  recipe: Recipe,
  dtypeOf: ((name: string) => DType) | null,
  remat: RematPolicy,
  job: Job = LANGUAGE,
): Sketch {
  const graph = new Graph();
  declareWeights(graph, config, dtypeOf ?? (() => 'f32'));
  // tfjs holds f16 as f32 too.
  const bytesOf = dtypeOf === null ? ({ shape }: Value) => 4 * sizeOf(shape) : valueBytes;
  const declaredBytes = (scope: Graph) => scope.declared().reduce((sum, value) => sum + bytesOf(value), 0);
  const weights = declaredBytes(graph);
  const held: Recipe = dtypeOf === null ? { ...recipe, activationPrecision: 'f32' } : recipe;
  const { scope, teacher, start, train, update, evaluate, evaluateBase, tuning, averaged } = trainingPrograms(
    graph,
    config,
    held,
    'forecast',
    remat,
    dtypeOf === null && job.teacher ? { ...job, teacher: { ...job.teacher, dtypeOf: () => 'f32' } } : job,
  );
  const training = declaredBytes(scope);
  const decode = writesText(job) ? samplingPlans(scope, config, recipe, averaged ?? tuning) : null;
  const adapterBytes = valueBytes(tuning.parameters.flat);
  // Gradients, both moments, and an average if there is one.
  const averageBytes = averaged === null ? 0 : valueBytes(averaged.parameters.flat);
  const optimizerBytes = 3 * valueBytes(tuning.parameters.trained.flat) + averageBytes;
  return {
    ...{ train, update, evaluate, evaluateBase, decode, remat },
    microBatches: microBatchesOf(recipe),
    plans: [start, evaluateBase, train, update, evaluate, decode?.prompt, decode?.token].filter((plan) => plan != null),
    parts: {
      weights: weights + (teacher === null ? 0 : declaredBytes(teacher.graph)) + (job.judgeBytes ?? 0),
      adapter: adapterBytes,
      optimizer: optimizerBytes,
      batch: training - adapterBytes - optimizerBytes,
      sampling: declaredBytes(scope) - training,
    },
  };
}

/** Micro-batches of an update. The model's own answers are taken to be half as long again with their prompts. */
function microBatchesOf({ objective, gradientAccumulation, sequenceLength, microBatch }: Recipe): number {
  if (!('rewards' in objective)) return gradientAccumulation;
  const { prompts, answerLength } = objective;
  const perRow = Math.max(1, Math.floor(sequenceLength / (1.5 * answerLength)));
  return Math.ceil(Math.ceil((prompts * answersPerPrompt(objective)) / perRow) / microBatch);
}

function samplingPlans(scope: Graph, config: ModelConfig, recipe: Recipe, tuning: Tuning): NonNullable<Sketch['decode']> {
  const cache = declareCache(scope, config, sampleCache(config, recipe));
  const { prompt, step } = decodePlans(scope, config, cache, cache.sequences, tuning);
  return { prompt: prompt.plan, token: step.plan };
}

/**
 * tfjs's WebGPU backend keeps a freed buffer for tensors of exactly its size, so that it holds more than what is alive at one time:
 * measured, 1.7 to 2.0 times as much.
 */
const POOLED = 1.85;

/** What plans need on a machine beside what is declared. */
interface PlanMemory {
  /** Temporaries and scratch of plans that share them. */
  readonly activations: (plans: readonly Plan[]) => number;
  /** Buffers for results of the plans, and of the adapter for a checkpoint. */
  readonly reading: (plans: readonly Plan[], adapter: number) => number;
}

function memoryOn({ target, processor, pooled = false }: Pick<Machine, 'target' | 'processor' | 'pooled'>): PlanMemory {
  if (target !== undefined) {
    const launchOf = launcher(target);
    return {
      activations: (plans) => sharedBytes(plans, (node) => launchOf(node).scratch),
      reading: (plans, adapter) => adapter + stagingBytes(plans),
    };
  }
  const twins = (plans: readonly Plan[]) => Math.round((pooled ? POOLED : 1) * Math.max(...plans.map(peakWithTwins)));
  const shared = (plans: readonly Plan[], on: Processor) =>
    sharedBytes(plans, (node) => processorLaunch(node, on)?.scratch ?? [], heldBytes);
  return {
    activations: (plans) => (processor === undefined ? twins(plans) : shared(plans, processor)),
    // Results are read where they are.
    reading: () => 0,
  };
}

function measure(sketch: Sketch, memory: PlanMemory): MemoryForecast {
  const { parts, train, plans, remat } = sketch;
  const all = {
    ...parts,
    activations: memory.activations(plans),
    reading: memory.reading(plans, parts.adapter),
  };
  const efforts = effortsOf(sketch);
  return { ...all, total: totalOf(all), remat, recomputed: train.recomputed / train.flops, efforts };
}

function effortsOf({ train, update, microBatches, evaluate, evaluateBase, decode }: Sketch): Efforts {
  return {
    step: total([
      [microBatches, effortOf(train)],
      [1, effortOf(update)],
    ]),
    evaluate: effortOf(evaluate),
    evaluateBase: evaluateBase && effortOf(evaluateBase),
    decode: decode && { prompt: effortOf(decode.prompt), token: effortOf(decode.token) },
  };
}

function totalOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}
