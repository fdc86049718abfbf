/** Predictions of a classifier, a regressor or a reward model for texts that its run has not seen. */

import { createBatches } from '../batch/batches';
import { cutExamples, encodeAll, type WholeExamples } from '../batch/encode';
import { planSlots, type Slots } from '../batch/slots';
import type { Batch } from '../batch/types';
import { CodedError, internal } from '../core/errors';
import type { Message } from '../dataset/types';
import { ENCODINGS } from '../encoding';
import { unreadLabels } from '../encoding/labelled';
import type { Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { plan } from '../graph/plan';
import type { Tuning } from '../method/method';
import type { ModelConfig } from '../model/config';
import { familyOf } from '../model/families';
import { declareBatch } from '../model/pass';
import { rotaryData } from '../model/rotary';
import { virtualTokens } from '../recipe/methods';
import type { Recipe } from '../recipe/recipe';
import { taskOf, type TaskKind } from '../recipe/tasks';
import { TASKS } from '../task';
import type { LabelTask } from '../task/task';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import { BatchWriter } from './batch-writer';
import { batchShapeOf, jobOf, type Job } from './job';
import { lossContext, type ConstantData } from './loss-context';
import type { PredictRequest, Prediction } from './types';

/** What a run has learnt to predict. */
export interface Classifier {
  readonly recipe: Recipe;
  readonly tuning: Tuning;
  /** Names of the classes or labels; empty for numbers. */
  readonly labels: readonly string[];
  /** K: classes, labels or numbers. */
  readonly outputs: number;
  /** The outputs are divided by it: that of the checkpoint's calibration, else 1. */
  readonly temperature: number;
}

/** The base model that the run trained on. */
export interface PredictingModel {
  readonly executor: Executor;
  readonly graph: Graph;
  readonly config: ModelConfig;
  readonly tokenizer: TextTokenizer;
}

/** Throws `data/no-examples` for a text that can't be encoded, and where an answer is to be scored and there is none. */
export async function predict(model: PredictingModel, classifier: Classifier, request: PredictRequest): Promise<Prediction> {
  const { batch, slots } = batchOf(model, classifier, request);
  const job = jobOf({ ...classifier.recipe, microBatch: 1 }, slots, model.config);
  return predictionOf(classifier, await outputsOf(model, classifier, job, batch));
}

function batchOf(
  { tokenizer, config }: PredictingModel,
  classifier: Classifier,
  request: PredictRequest,
): { readonly batch: Batch; readonly slots: Slots } {
  const { recipe } = classifier;
  const virtual = virtualTokens(recipe.method);
  const task = TASKS[kindOf(recipe)];
  const whole = task.truth === null ? answerOf(tokenizer, request) : textOf(tokenizer, task, classifier, request);
  const { all, layout, stats } = cutExamples(tokenizer, whole, recipe.sequenceLength, virtual);
  const [dropped] = stats.dropped;
  if (dropped !== undefined) throw new CodedError('data/no-examples', `This text can't be used. ${dropped.message}`);
  if (layout === null) throw internal('an example without a layout');
  const slots = planSlots(all, layout, recipe.sequenceLength, familyOf(config).classifier(config).pool, virtual);
  const batches = createBatches(all, { ...recipe, virtualTokens: virtual, microBatch: 1, padId: tokenizer.padId, slots });
  return { batch: batches.batch(0, 0), slots };
}

function textOf(
  tokenizer: TextTokenizer,
  task: LabelTask,
  { labels, outputs }: Classifier,
  { text, second }: PredictRequest,
): WholeExamples {
  const target = task.target(labels, outputs);
  const example = { kind: 'labelled', line: 1, text, second, labels: unreadLabels(target) } as const;
  return encodeAll(tokenizer, { kind: 'labelled', examples: [example], settings: { target } });
}

/** A conversation with one answer. Its tokens are those of an answer of a pair, without a second document. */
export function answerOf(tokenizer: TextTokenizer, { text, second, system }: PredictRequest): WholeExamples {
  if (second === null || second.trim() === '')
    throw new CodedError('data/no-examples', 'There is no answer to score. Write an answer to the question.');
  const prompt: Message[] = [
    ...(system === undefined ? [] : [{ role: 'system', content: system } as const]),
    { role: 'user', content: text },
  ];
  const example = { kind: 'chat', line: 1, messages: [...prompt, { role: 'assistant', content: second }] } as const;
  const whole = encodeAll(tokenizer, { kind: 'chat', examples: [example], settings: { lossOn: 'assistant' } });
  return { ...whole, layout: { kind: 'pair', documents: 1, columns: ENCODINGS.pair.columns({}), names: [] } };
}

function kindOf({ objective }: Recipe): TaskKind {
  const task = taskOf(objective);
  if (task === null) throw internal(`${objective.kind} has no classifier`);
  return task;
}

/** The outputs [K] of the classifier for the one document of `batch`. Nothing stays on the device. */
async function outputsOf(
  { executor, graph: base, config }: PredictingModel,
  { recipe, tuning }: Classifier,
  job: Job,
  batch: Batch,
): Promise<Float32Array> {
  const graph = base.scope();
  const shape = batchShapeOf({ ...recipe, microBatch: 1 });
  const inputs = declareBatch(graph, 'predict.batch', shape, job.columns);
  const program = graph.program('predict');
  const constants: ConstantData = new Map();
  const setup = { graph, config, batch: inputs, shape, documents: job.documents, constants, teacher: null };
  const outputs = lossContext(program, { ...setup, tuning, seed: null, training: false }).outputs();
  try {
    const compiled = await executor.compile(plan(program, [outputs]));
    try {
      for (const [value, data] of [...rotaryData(graph, config, recipe.sequenceLength), ...constants])
        executor.write(value, data);
      new BatchWriter(executor, inputs, config.firstPosition).write(batch, 1);
      const [found] = await executor.run(compiled);
      await executor.granted();
      if (!(found instanceof Float32Array)) throw internal('outputs are f32');
      return found;
    } finally {
      compiled.dispose();
    }
  } finally {
    for (const value of graph.declared()) executor.release(value);
  }
}

function predictionOf({ recipe, labels, temperature }: Classifier, outputs: Float32Array): Prediction {
  const kind = kindOf(recipe);
  return { kind, names: labels, values: TASKS[kind].values(outputs.map((output) => output / temperature)) };
}
