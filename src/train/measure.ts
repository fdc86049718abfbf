/**
 * Measurements of a checkpoint or of its base outside training, by the programs and batches of the run's own measurements, and
 * predictions for all texts of a file.
 */

import type { Slots } from '../batch/slots';
import { rangesIn } from '../batch/sources';
import type { Batch, EncodedDataset, EncodedSplit } from '../batch/types';
import type { RunRecord, RunShot } from '../checkpoint/types';
import { CodedError } from '../core/errors';
import { yieldToEventLoop } from '../core/event-loop';
import type { Tuning } from '../method/method';
import { maxLength } from '../model/decode-programs';
import { declareBatch } from '../model/pass';
import { rotaryData } from '../model/rotary';
import { defaultMethod } from '../recipe/methods';
import { allBatches, planBatches } from './batches';
import { BatchWriter } from './batch-writer';
import { evaluateBatches, type BatchLosses } from './evaluate';
import { promptedDocuments } from './few-shot';
import { batchShapeOf, jobOf, slotsOf, writesText, type Job, type Teacher } from './job';
import type { StoredJudge } from './judges';
import type { ConstantData } from './loss-context';
import type { PredictingModel } from './predict';
import { declareTeacher, evaluationPlan } from './programs';
import { reportsOf } from './reports';
import { examplesOf, outputsOf } from './example-outputs';
import type { ExampleOutputs, Measurement } from './types';

/** What is measured, and on what. */
export interface Measured {
  readonly run: Pick<RunRecord, 'recipe' | 'numerics' | 'tiles' | 'classWeights'>;
  /** Null: the base. */
  readonly tuning: Tuning | null;
  /** K of the run's classifier; 0 where there is none. */
  readonly outputs: number;
  readonly dataset: EncodedDataset;
  /** `held-out`: the sample that the run measures; `test`: every example of `dataset.test`; `all`: every one of `dataset.train`. */
  readonly rows: 'held-out' | 'test' | 'all';
  readonly teacher: Teacher | undefined;
  /** Of rewards that models give. */
  readonly judges: ReadonlyMap<string, StoredJudge>;
  /** Examples that the base reads before each row; absent where it reads none. */
  readonly shots?: readonly RunShot[];
}

export interface MeasureHooks {
  readonly onBatch: (done: number, total: number) => void;
  /** Read after every batch. */
  readonly stopped: () => boolean;
}

/** Ends the loop over the batches. */
class Stopped extends Error {}

/**
 * Loss, metrics and confusion matrix; null when it was stopped. Nothing stays on the device. Throws `data/no-examples` when there is
 * nothing to measure, `data/columns` when the data have another number of targets than the run, `train/state` for the base of a
 * classifier, and `gpu/memory`.
 */
export async function measure(model: PredictingModel, measured: Measured, hooks: MeasureHooks): Promise<Measurement | null> {
  const { run, dataset, rows, teacher } = measured;
  const slots = slotsOf(dataset, run.recipe, model.config, run.classWeights);
  const job = jobOf(run.recipe, slots, model.config, teacher);
  check(measured, job);
  const batches = batchesOf(model, measured, slots);
  const losses = await lossesOf(model, measured, job, batches, hooks);
  if (losses === null) return null;
  const { documents = 1 } = dataset.layout ?? {};
  const split = examplesIn(dataset, rows);
  const examples = examplesOf(job, batches, split, losses.figures, model);
  return {
    loss: losses.loss,
    ...reportsOf(job, batches).heldOut(losses.figures, losses.parts),
    rows: batches.reduce((sum, batch) => sum + documentsOf(batch), 0) / documents,
    of: split.lines.length,
    ...(examples && { examples }),
  };
}

/**
 * The loss of the base that reads examples before each row: of the same rows, and counted over the same tokens, as that of `measure`. Null
 * when it was stopped. Throws like `measure` and `promptedDocuments`.
 */
export async function measurePrompted(
  model: PredictingModel,
  measured: Measured,
  shots: readonly RunShot[],
  hooks: MeasureHooks,
): Promise<Measurement | null> {
  const { run, dataset } = measured;
  const { recipe } = run;
  // The rows are no longer those of each dataset of a mixture.
  const { sources: _, ...plain } = dataset;
  const {
    split,
    longest,
    shots: count,
  } = promptedDocuments(batchesOf(model, measured, undefined), shots, model.tokenizer, maxLength(model.config));
  const microBatch = Math.max(1, Math.floor((recipe.microBatch * recipe.sequenceLength) / longest));
  // The base has no virtual tokens.
  const prompted = { ...recipe, method: defaultMethod('lora'), sequenceLength: longest, microBatch };
  const all = { ...measured, run: { ...run, recipe: prompted }, dataset: { ...plain, train: split }, rows: 'all' } as const;
  const found = await measure(model, all, hooks);
  return found && { ...found, of: examplesIn(dataset, measured.rows).lines.length, shots: count };
}

/** The outputs for all examples, whose targets are not read; null when it was stopped. Throws like `measure`. */
export async function predictRows(
  model: PredictingModel,
  measured: Omit<Measured, 'rows' | 'teacher' | 'judges'>,
  hooks: MeasureHooks,
): Promise<ExampleOutputs | null> {
  const all = { ...measured, rows: 'all', teacher: undefined, judges: new Map<string, StoredJudge>() } as const;
  const { run, dataset } = measured;
  const slots = slotsOf(dataset, run.recipe, model.config, run.classWeights);
  const job = jobOf(run.recipe, slots, model.config);
  check(all, job);
  const batches = batchesOf(model, all, slots);
  const losses = await lossesOf(model, all, job, batches, hooks);
  return losses === null ? null : outputsOf(job, batches, dataset.train, losses.figures);
}

/** Throws data/no-examples when there are none. */
export function examplesIn({ train, heldOut, test }: EncodedDataset, rows: Measured['rows']): EncodedSplit {
  if (rows === 'all') return train;
  const split = rows === 'test' ? test : heldOut;
  if (split !== undefined && split.lines.length > 0) return split;
  const found = rows === 'test' ? 'The data of this run have no test rows' : 'This run held no examples out';
  throw new CodedError('data/no-examples', `${found}. Measure it on a file with other examples.`);
}

function check({ run, tuning, outputs, dataset, rows }: Measured, job: Job): void {
  examplesIn(dataset, rows);
  if (tuning === null && !writesText(run.recipe))
    throw new CodedError('train/state', 'The base model has no classifier: there is nothing to measure before training.');
  if (job.outputs !== outputs)
    throw new CodedError(
      'data/columns',
      `The run learns ${outputs} numbers for each example, and these data have ${job.outputs}. Choose a file with the columns of the run's data.`,
    );
}

function batchesOf(
  { tokenizer: { padId } }: PredictingModel,
  { run, dataset, rows }: Measured,
  slots: Slots | undefined,
): readonly Batch[] {
  const { recipe, numerics = 1 } = run;
  if (rows === 'held-out') return planBatches(dataset, recipe, padId, slots, numerics).heldOut;
  const { sources } = dataset;
  const ranges = sources && rangesIn(sources, rows === 'test' ? 'test' : 'train');
  return allBatches(examplesIn(dataset, rows), recipe, padId, slots, numerics, ranges);
}

/** Each document begins at position 0. */
function documentsOf({ positions, segments }: Batch): number {
  return positions.reduce((sum, position, i) => sum + (position === 0 && (segments[i] ?? -1) >= 0 ? 1 : 0), 0);
}

/** Null when it was stopped. */
async function lossesOf(
  { executor, graph: base, config }: PredictingModel,
  { run: { recipe, tiles = {} }, tuning, teacher: taught }: Measured,
  job: Job,
  batches: readonly Batch[],
  { onBatch, stopped }: MeasureHooks,
): Promise<BatchLosses | null> {
  const graph = base.scope();
  const shape = batchShapeOf(recipe);
  const inputs = declareBatch(graph, 'measure.batch', shape, job.columns);
  const constants: ConstantData = new Map();
  const teacher = taught === undefined ? null : declareTeacher(base, taught);
  const { documents, labelWeights } = job;
  const setup = { graph, config, teacher, batch: inputs, shape, constants, documents, labelWeights, tuning };
  const { plan, figures } = evaluationPlan(graph.program('measure'), setup, job, recipe);
  const go = async (done: number) => {
    onBatch(done, batches.length);
    await yieldToEventLoop();
    if (stopped()) throw new Stopped();
  };
  try {
    const compiled = await executor.compile(plan, undefined, (product) => tiles[product]);
    try {
      const models = [{ graph, config }, ...(teacher === null ? [] : [teacher])];
      const tables = models.flatMap((model) => rotaryData(model.graph, model.config, recipe.sequenceLength));
      for (const [value, data] of [...tables, ...constants]) executor.write(value, data);
      await teacher?.write(executor);
      await executor.granted();
      await go(0);
      const writer = new BatchWriter(executor, inputs, config.firstPosition);
      return await evaluateBatches({ executor, writer, compiled, figures }, batches, go);
    } finally {
      compiled.dispose();
    }
  } catch (error) {
    if (error instanceof Stopped) return null;
    throw error;
  } finally {
    for (const value of [...graph.declared(), ...(teacher?.graph.declared() ?? [])]) executor.release(value);
  }
}
