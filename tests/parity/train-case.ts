/** Trains a golden case with the engine and measures the deviation from PyTorch. */

import { startedBy } from '../../src/method/lora-start';
import { tensorsOf, vectorOf, type Parameters } from '../../src/method/parameters';
import type { Batch } from '../../src/batch/types';
import { CodedError } from '../../src/core/errors';
import type { Executor } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { KEEP_ALL } from '../../src/graph/remat';
import type { ModelConfig } from '../../src/model/config';
import { parseConfig } from '../../src/model/families';
import { logitsOf, hiddenStates, packedPass } from '../../src/model/pass';
import { declareWeights } from '../../src/model/weights';
import { virtualTokens, type MethodSettings } from '../../src/recipe/methods';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import type { RolloutBatches } from '../../src/rollout/batches';
import { BatchWriter, countOf } from '../../src/train/batch-writer';
import type { Losses } from '../../src/train/evaluate';
import type { Job } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { reportsOf } from '../../src/train/reports';
import { batchShapeOf } from '../../src/train/job';
import { TrainingSession, type StepResult } from '../../src/train/session';
import { embedding } from '../../kernels/embedding';
import type { Value } from '../../kernels/op';
import { deviation } from '../deviation';
import { plainName, type Golden, type Tensor } from './golden';
import { batchOf, isOfTokens, jobOf, rolloutBatchOf } from './job';
import { methodOf } from './method';
import type { Deviations } from './tolerance';
import { writeGolden } from './write';

/** Throws `model/unsupported` for cases that the engine does not support. */
export async function trainCase(golden: Golden, open: (graph: Graph) => Promise<Executor>): Promise<Deviations> {
  const job = jobOf(golden);
  if (typeof job === 'string') throw unsupported(job);
  const method = methodOf(golden);
  if (method === null) throw unsupported(`method ${golden.case.method ?? JSON.stringify(golden.adapter)}`);
  const config = parseConfig(golden.configText);
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const recipe = recipeOf(golden, method);
  const programs = trainingPrograms(graph, config, recipe, 'run', KEEP_ALL, job);
  const executor = await open(graph);
  writeGolden(executor, graph, config, golden);
  const { steps, base } = golden.case;
  const session = await TrainingSession.open(executor, config, programs, recipe, steps.length);
  const fresh = await session.snapshot();
  session.restore({ ...fresh, parameters: startOf(golden, programs.tuning.parameters, fresh.parameters) });
  const rollout = job.rollout === undefined ? null : rolloutBatchOf(golden.case, job, recipe.sequenceLength);
  const batches = steps.map((step) => rollout?.batches[0] ?? batchOf(step, config, job, virtualTokens(method)));
  // The base has no classifier and no answers to compare: their loss is that of the start.
  const hasLoss = isOfTokens(job.objective) && rollout === null;
  const measured = await session.measure(batches.slice(0, 1), hasLoss ? 'base' : 'tuned');
  const first = startLoss(golden.case, rollout) ?? NaN;
  const results: StepResult[] = [];
  const source = { batch: (index: number) => batches[index] ?? missing(`batch ${index}`) };
  for (let i = 0; i < steps.length; i++) results.push(await session.advance(source));
  const { parameters } = await session.snapshot();
  const batch = batches[0] ?? missing('batch');
  const logits =
    rollout !== null
      ? logprobsOf(rollout, measured)
      : job.outputs > 0
        ? await outputsOf(session, batch)
        : await lastLogits(executor, config, recipe, programs, batch);
  executor.dispose();
  const { trained } = programs.tuning.parameters;
  const expected = vectorOf(trained, golden.final);
  const compared = trained.views.filter((view) => isDetermined(view, golden));
  return {
    baseLoss: Math.abs(measured.loss / (hasLoss ? (base.loss ?? first) : first) - 1),
    loss: Math.max(...results.map((result, i) => Math.abs(result.loss / (steps[i]?.loss ?? NaN) - 1))),
    gradNorm: Math.max(...results.map((result, i) => Math.abs(result.gradNorm / (steps[i]?.grad_norm ?? NaN) - 1))),
    reports: reportsOff(golden, job, results),
    adapter: Math.max(...compared.map((view) => deviation(slice(parameters, view), slice(expected, view)))),
    logits: deviation(logits, golden.case.eval.logits?.flat() ?? firstLogprobs(golden.case)),
  };
}

/** The loss of the first step; of rollouts their cross-entropy before it. */
function startLoss(of: Golden['case'], rollout: RolloutBatches | null): number | undefined {
  const [batch] = rollout?.batches ?? [];
  if (rollout === null || batch === undefined) return of.steps[0]?.loss;
  const weights = rollout.places.flatMap(({ from, length }) => [...batch.weights.subarray(from, from + length)]);
  return -firstLogprobs(of).reduce((sum, logprob, i) => sum + logprob * (weights[i] ?? NaN), 0) / countOf(batch);
}

/** Of the tokens of all answers, before the first step. */
function firstLogprobs({ steps, rollouts }: Golden['case']): number[] {
  return (steps[0]?.logprobs ?? []).flatMap((row, i) => row.slice(0, rollouts?.response_lengths[i]));
}

/** Of the tokens of all answers, in the order of the answers. */
function logprobsOf({ places }: RolloutBatches, { figures }: Losses): number[] {
  const [found] = figures['logprobs'] ?? [];
  return places.flatMap(({ from, length }) => [...(found?.subarray(from, from + length) ?? [])]);
}

/** The deviation of what the objective reports from what TRL logged. */
function reportsOff({ case: { steps } }: Golden, job: Job, results: readonly StepResult[]): number {
  const { step: report } = reportsOf(job, []);
  const pairs = results.flatMap(({ figures }, i) => {
    const expected = steps[i]?.metrics;
    return expected === undefined
      ? []
      : Object.entries(report(figures) ?? {}).map(([name, found]) => [found, expected[name] ?? NaN] as const);
  });
  return deviation(
    pairs.map(([found]) => found),
    pairs.map(([, expected]) => expected),
  );
}

/** The adapter of the case; a classifier that it does not have comes from the model's file, as other weights do. */
function startOf({ init, weights }: Golden, parameters: Parameters, fresh: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const given = new Map([...weights, ...init.map((tensor): [string, Tensor] => [tensor.name, tensor])]);
  // Weights of the base start as copies, in the engine's layout.
  const own = tensorsOf(parameters, fresh).map((tensor, i) => {
    const copied = parameters.all[i]?.init.kind === 'weight' && init.length === 0;
    // A part of the weights that the adapter started as has the numbers of the adapter's start.
    const name = startedBy(tensor.name) ?? tensor.name;
    return copied ? tensor : { ...tensor, data: given.get(name)?.data ?? missing(name) };
  });
  return vectorOf(parameters, own);
}

/** The classifier's outputs for a batch. */
async function outputsOf(session: TrainingSession, batch: Batch): Promise<ArrayLike<number>> {
  const { figures } = await session.measure([batch], 'tuned');
  return figures['outputs']?.[0] ?? [];
}

function unsupported(what: string): CodedError {
  return new CodedError('model/unsupported', `${what} is not supported`);
}

function missing(what: string | number): never {
  throw new Error(`the case has no ${what}`);
}

function isDetermined({ name }: Value, { case: { f64_deviation: own } }: Golden): boolean {
  const plain = name.slice(name.indexOf('/') + 1);
  return !(own.undetermined ?? []).some((undetermined) => plainName(undetermined) === plain);
}

function slice(flat: Float32Array, view: { shape: readonly number[]; view?: { offset: number } }): Float32Array {
  const offset = view.view?.offset ?? 0;
  return flat.subarray(offset, offset + view.shape.reduce((a, b) => a * b, 1));
}

/** The settings of the case; its objective is that of its job. */
export function recipeOf({ case: { hyper, steps } }: Golden, method: MethodSettings): Recipe {
  const ids = steps[0]?.input_ids ?? [];
  return parseRecipe({
    version: 2,
    method,
    learningRate: hyper.lr,
    schedule: 'constant',
    warmupRatio: 0,
    beta1: hyper.beta1,
    beta2: hyper.beta2,
    epsilon: hyper.eps,
    weightDecay: hyper.weight_decay,
    maxGradNorm: hyper.max_grad_norm,
    microBatch: ids.length,
    sequenceLength: (ids[0]?.length ?? 0) + virtualTokens(method),
  });
}

/** Logits after the last real token of each row, with the trained adapter. */
async function lastLogits(
  executor: Executor,
  config: ModelConfig,
  recipe: Recipe,
  { scope, tuning, batch }: ReturnType<typeof trainingPrograms>,
  data: Batch,
): Promise<ArrayLike<number>> {
  const shape = batchShapeOf(recipe);
  const program = scope.program('logits');
  const rows = scope.declare('rows', 'input', [shape.rows], 'i32');
  const states = hiddenStates(packedPass(program, scope, config, batch, shape, tuning), config, batch);
  const last = embedding(program, { table: states, ids: rows });
  const compiled = await executor.compile(plan(program, [logitsOf(program, scope, config, tuning, last)]));
  new BatchWriter(executor, batch, config.firstPosition).write(data, 1);
  executor.write(rows, lastRows(data.segments, shape));
  const [logits] = await executor.run(compiled);
  return logits ?? [];
}

function lastRows(segments: Int32Array, { rows, tokens }: { rows: number; tokens: number }): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: rows }, (_, r) => r * tokens + segments.subarray(r * tokens, (r + 1) * tokens).lastIndexOf(0));
}
