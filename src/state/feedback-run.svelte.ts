/** A run on ratings: made ready and started from the run whose answers were rated, in one go. */

import type { FeedbackKind, RunView } from '../../workers/api';
import { CodedError } from '../core/errors';
import { app } from './app.svelte';
import { data } from './data.svelte';
import { failureOf, type Failure } from './failure';
import { markAsFeedback } from './feedback-files';
import { recipeFor, type FeedbackPlan } from './feedback-plan';
import { jsonlOf } from './feedback-rows';
import { feedback, fileNameOf } from './feedback.svelte';
import { model } from './model.svelte';
import { recipe } from './recipe.svelte';
import { startFrom } from './start-from.svelte';
import { training } from './training.svelte';
import { use } from './use.svelte';

export class FeedbackRun {
  /** A run is being made ready. */
  preparing = $state(false);
  failure = $state.raw<Failure | null>(null);

  /** Makes a run ready that starts from `run` at `step`: model, data and recipe. Returns whether that succeeded. */
  async prepare(run: RunView, step: number | null, { kind, rows }: FeedbackPlan): Promise<boolean> {
    if (this.preparing) return false;
    [this.preparing, this.failure] = [true, null];
    try {
      await chooseModel(run);
      recipe.take(recipeFor({ kind, rows }, run.recipe), run.name);
      startFrom.choose(run, step);
      await openRatings(run, kind, rows);
      return true;
    } catch (error) {
      this.failure = failureOf(error);
      return false;
    } finally {
      this.preparing = false;
    }
  }

  /** As `prepare`, and starts it. */
  async train(run: RunView, step: number | null, plan: FeedbackPlan): Promise<void> {
    if (!(await this.prepare(run, step, plan))) return;
    const { blocker } = training;
    if (blocker !== null) {
      this.failure = failureOf(new CodedError('train/state', blocker.reason));
      return;
    }
    app.open('train');
    const before = training.run?.id;
    await training.start();
    // Use may show the rated run, because it was chosen there.
    if (training.run !== null && training.run.id !== before) use.choose(training.run.id);
  }
}

/** Chooses the model of the run, if another one is chosen. */
async function chooseModel({ modelId, modelName }: RunView): Promise<void> {
  if (model.view?.id === modelId) return;
  const found = await model.find(modelId);
  if (found !== null) await model.choose(found.source);
  if (model.view?.id !== modelId)
    throw new CodedError(
      'model/files',
      `The run was trained on ${modelName}, which is not kept in this browser. Choose its folder in the Model stage, then try again.`,
    );
}

/** Opens the ratings of the run's model as a dataset, which is kept like others. */
async function openRatings({ modelId }: RunView, kind: FeedbackKind, rows: number): Promise<void> {
  await data.open(new File([jsonlOf(kind, feedback.of(modelId))], fileNameOf(kind)));
  if (data.failure !== null || data.view === null)
    throw new CodedError('data/no-examples', data.failure?.message ?? 'The ratings could not be read as data. Try again.');
  markAsFeedback(data.view.hash, { kind, ratings: rows });
}

export const feedbackRun = new FeedbackRun();
