/** The data that a measurement reads, and the run as which they are measured. */

import type { EncodedDataset } from '../batch/types';
import type { RunRecord, RunStore } from '../checkpoint/types';
import { CodedError } from '../core/errors';
import { defaultObjective, needsTeacher } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import type { Measured } from './measure';
import type { MeasureRequest } from './types';

/** A run as it is measured: of another objective than its own, its class weights mean nothing. */
type MeasuredRun = Pick<RunRecord, 'recipe' | 'numerics' | 'tiles' | 'classWeights' | 'teacher'>;

interface MeasuredData {
  readonly run: MeasuredRun;
  readonly data: EncodedDataset;
  readonly rows: Measured['rows'];
}

/** Throws `store/corrupt` when stored data are missing, `train/state` when the run carries on none. */
export async function measuredData(run: RunRecord, dataset: MeasureRequest['dataset'], store: RunStore): Promise<MeasuredData> {
  if (dataset === 'old') return oldData(run, store);
  if (typeof dataset === 'string') return { run, data: await store.dataset(run.datasetHash), rows: dataset };
  if ('text' in dataset) return { run: measuredAs(run, textRecipe(run.recipe)), data: dataset.text, rows: 'all' };
  return { run, data: dataset, rows: 'all' };
}

/** What the parent held out, in the batches and by the objective of the parent, so that the figures are those that it had. */
async function oldData(run: RunRecord, store: RunStore): Promise<MeasuredData> {
  const { parent } = run;
  if (parent === undefined) throw new CodedError('train/state', `${run.name} carries on no other run.`);
  const { datasetHash, recipe, name } = parent;
  if (datasetHash === undefined)
    throw new CodedError('store/corrupt', `The data of ${name} are not in this browser. Measure the run on a file of them.`);
  const known = needsTeacher(recipe.objective) ? textRecipe(recipe) : recipe;
  return { run: measuredAs(run, known), data: await store.dataset(datasetHash), rows: 'held-out' };
}

function textRecipe(recipe: Recipe): Recipe {
  return { ...recipe, objective: defaultObjective('sft') };
}

function measuredAs({ numerics, tiles }: RunRecord, recipe: Recipe): MeasuredRun {
  return { recipe, ...(numerics !== undefined && { numerics }), ...(tiles && { tiles }) };
}
