/** Predictions of the Use stage: what the classifier of a run says about a text, or how a reward model scores an answer. */

import { trainClient, type WorkerClient } from '../client';
import type { PredictRequest, Prediction, RunView, TrainApi } from '../../workers/api';
import { loadBaseModel } from './base-model';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';

/** A prediction, and what it is of. */
export interface Predicted {
  readonly runId: string;
  readonly step: number | null;
  readonly request: PredictRequest;
  readonly prediction: Prediction;
}

export class Predict {
  readonly #client: WorkerClient<TrainApi>;
  /** The answer to score. */
  answer = $state('');
  /** The newest prediction. */
  predicted = $state.raw<Predicted | null>(null);
  /** A prediction is under way. */
  busy = $state(false);
  failure = $state.raw<Failure | null>(null);

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /** Predicts for `request` with the checkpoint at `step`; null takes the newest. Does nothing while another prediction is under way. */
  async predict(run: RunView, step: number | null, request: PredictRequest): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.failure = null;
    try {
      await loadBaseModel(run);
      const prediction = await this.#client.call((api) => api.predict({ runId: run.id, step }, request));
      this.predicted = { runId: run.id, step, request, prediction };
      journal({ event: 'prediction', ...request, ...prediction });
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.busy = false;
    }
  }
}

export const predict = new Predict(trainClient);
