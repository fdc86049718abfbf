/** Records of runs: made at the start, rewound to a checkpoint, shown to the page. */

import type { EncodedDataset, PartSizes } from '../batch/types';
import type { EvalRow, NewestRows, RunRecord, RunStore, Snapshot, StoredParameter, StoredRun } from '../checkpoint/types';
import { NUMERICS } from '../core/numerics';
import { FORMAT } from '../checkpoint/format';
import { flatLayout } from '../core/flat';
import { parametersOf } from '../method';
import { parameterCount } from '../method/parameters';
import { planBatches } from './batches';
import { totalSteps } from '../optim/schedule';
import { headParameters, jobOf, LANGUAGE, slotsOf, type Job } from './job';
import type { ModelConfig } from '../model/config';
import { headName, weightSpecs } from '../model/weights';
import type { Recipe } from '../recipe/recipe';
import type { LoadedModel } from './loaded';
import { lossesOf } from './losses';
import { startingState, type PreparedSetup } from './origin';
import { expectedTeacher, type FoundTeacher } from './teacher';
import type { RunView, StepRow, TrainEvent } from './types';

/** The record of a run that has not started. Throws the errors of `jobOf`. */
export function newRecord(
  id: string,
  { name, recipe, dataset, datasetName, fileHash, prompts, shots, columns, parent, feedback }: PreparedSetup,
  model: LoadedModel,
  teacher: FoundTeacher | null,
): RunRecord {
  const now = Date.now();
  const slots = slotsOf(dataset, recipe, model.config);
  const job = jobOf(recipe, slots, model.config, expectedTeacher(teacher, model.executor.kind));
  const parameters = storedParameters(model.config, recipe, job);
  const { microSteps } = planBatches(dataset, recipe, model.tokenizer.padId, slots);
  const labels = dataset.layout?.names ?? [];
  const { adapter, executor } = model.engine.view;
  return {
    ...{ id, name, createdAt: now, updatedAt: now, status: 'paused' },
    ...{ modelId: model.view.id, modelName: model.view.name },
    ...{ datasetName, datasetHash: dataset.hash, examples: dataset.train.lines.length + dataset.heldOut.lines.length },
    ...(fileHash !== undefined && { fileHash }),
    parts: sizesOf(dataset),
    ...(dataset.kind && { dataKind: dataset.kind }),
    ...(labels.length > 0 && { labels }),
    ...(slots?.weights && { classWeights: slots.weights }),
    ...(shots && { shots }),
    ...(columns && { columns }),
    ...(dataset.sources && { mixture: dataset.sources }),
    ...(parent && { parent }),
    ...(feedback && { feedback }),
    ...{ recipe, step: 0, totalSteps: totalSteps(recipe, microSteps) },
    ...{ baseLoss: null, tunedLoss: null, bestLoss: null },
    ...{ device: adapter, executor, numerics: NUMERICS, trainable: parameterCount(parameters), prompts },
    ...{ format: FORMAT, parameters },
    ...(teacher && { teacher: { modelId: teacher.folder.id, name: teacher.folder.view.name, precision: teacher.precision } }),
    ...(usesConv1d(model.config) && { fanInFanOut: true }),
  };
}

function sizesOf({ train, heldOut, test }: EncodedDataset): PartSizes {
  return { train: train.lines.length, heldOut: heldOut.lines.length, test: test?.lines.length ?? 0 };
}

function usesConv1d(config: ModelConfig): boolean {
  return weightSpecs(config).some(({ transposed }) => transposed === true);
}

/** The trained parameters of a run, and where they are in its flat vectors. */
export function storedParameters(config: ModelConfig, recipe: Recipe, job: Job = LANGUAGE): readonly StoredParameter[] {
  const added = headParameters(config, job);
  const all = parametersOf(config, recipe.method, added);
  const { offsets } = flatLayout(all.map(({ shape }) => shape));
  const specs = new Map(weightSpecs(config).map((spec) => [spec.name, spec]));
  const head = headName(config);
  return all.map(({ name, shape, fixed, trainingOnly }, i) => ({
    ...{ name, shape, offset: offsets[i] ?? 0 },
    ...(specs.get(name)?.transposed === true && { transposed: true }),
    ...(name === head && specs.get(name)?.use === 'embedding' && { tiedHead: true }),
    ...(trainingOnly ? { trainingOnly } : added.some((one) => one.name === name) && { isNew: true }),
    ...(fixed && { fixed }),
  }));
}

/** What a run starts or continues from. */
export interface StartingPoint {
  readonly record: RunRecord;
  /** Null: a fresh adapter. */
  readonly snapshot: Snapshot | null;
  /** Seconds of training so far. */
  readonly seconds: number;
  /** Its measurements so far. */
  readonly evals: readonly EvalRow[];
}

/**
 * Goes back to the newest checkpoint that can be read, or to the start, which may be a checkpoint of another run: rows of later steps are deleted. The record as it was then.
 * Checkpoints that cannot be read are reported as notices.
 */
export async function rewind(store: RunStore, runId: string, onEvent: (event: TrainEvent) => void): Promise<StartingPoint> {
  const { checkpoints, newest, locked, ...record } = await store.run(runId);
  const snapshot = checkpoints.length === 0 ? await startingState(record, store) : await newestSnapshot(store, runId, onEvent);
  const step = snapshot?.step ?? 0;
  await store.cutRows(runId, snapshot === null ? -1 : step);
  const [steps, rows] = await Promise.all([store.rows(runId, 'steps'), store.rows(runId, 'evals')]);
  const evals = rows as readonly EvalRow[];
  const baseLoss = snapshot === null ? null : record.baseLoss;
  const then = { step, baseLoss, ...lossesOf(evals) };
  await store.updateRun(runId, then);
  return { snapshot, seconds: (steps.at(-1) as StepRow | undefined)?.seconds ?? 0, evals, record: { ...record, ...then } };
}

async function newestSnapshot(store: RunStore, runId: string, onEvent: (event: TrainEvent) => void): Promise<Snapshot> {
  const { snapshot, skipped } = await store.load(runId, null);
  for (const message of skipped) onEvent({ type: 'notice', code: 'store/corrupt', message });
  return snapshot;
}

/** A run whose record says that it is running, while nobody holds its lock, was interrupted. `own`: this worker trains it. */
export function viewOf({ locked, format, parameters, newest, ...run }: StoredRun, own: boolean): RunView {
  return { ...run, ...figuresOf(newest), status: run.status === 'running' && !locked && !own ? 'interrupted' : run.status };
}

/** The figures of a view that only the rows of a run have. */
export function figuresOf({ step, evaluation }: NewestRows): Pick<RunView, 'seconds' | 'metrics'> {
  return { seconds: (step as StepRow | null)?.seconds ?? null, metrics: evaluation?.metrics ?? null };
}

/** The fields of a record that only the user changes, also from other tabs while the run trains. */
export function userFields({ name, notes, calibrations }: UserFields): UserFields {
  return { name, ...(notes !== undefined && { notes }), ...(calibrations && { calibrations }) };
}

type UserFields = Pick<RunRecord, 'name' | 'notes' | 'calibrations'>;
