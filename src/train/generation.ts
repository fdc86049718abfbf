/** Answers of the base or of a run's adapter, predictions of its classifier, and measurements; one at a time in the order of the calls. */

import { answeringVector } from '../checkpoint/answering';
import type { RunShot, RunStore, StoredRun } from '../checkpoint/types';
import type { Tuning } from '../method/method';
import { CodedError, codeOf, messageOf } from '../core/errors';
import { temperatureAt } from './calibrations';
import type { Jobs } from './jobs';
import { storedOutputs, writesText } from './job';
import { storedJudges } from './judges';
import type { LoadedModel } from './loaded';
import type { Measured, MeasureHooks } from './measure';
import { measuredData } from './measured-data';
import type { Models } from './models';
import type { Classifier } from './predict';
import type { Runs } from './runs';
import { checkedTeacher } from './teacher';
import type {
  AdapterChoice,
  ExampleOutputs,
  GenerateRequest,
  GenerateResult,
  Measurement,
  MeasureRequest,
  PredictRequest,
  Prediction,
  PredictRowsRequest,
} from './types';

type OnBatch = MeasureHooks['onBatch'];

export class Generation {
  readonly #jobs: Jobs;
  readonly #models: Models;
  readonly #runs: Runs;
  readonly #store: Promise<RunStore>;

  constructor(jobs: Jobs, models: Models, runs: Runs, store: Promise<RunStore>) {
    this.#jobs = jobs;
    this.#models = models;
    this.#runs = runs;
    this.#store = store;
  }

  generate(choice: AdapterChoice | null, request: GenerateRequest, onText: (text: string) => void): Promise<GenerateResult> {
    return this.#jobs.run('answer', choice?.runId ?? '', async ({ signal }) => {
      try {
        const model = await this.#models.model();
        const tuning = () => (choice === null ? Promise.resolve(null) : this.#tuningOf(model, choice));
        return await model.engine.loss.guard(model.generate(tuning, request, onText, () => signal.aborted));
      } catch (error) {
        throw codeOf(error) === 'gpu/lost' ? lostAnswer(error) : error;
      }
    });
  }

  /** Answers of the base to several requests; null for those that were not complete when it was cancelled. */
  answerAll(
    requests: readonly GenerateRequest[],
    onAnswer: (index: number, result: GenerateResult) => void,
  ): Promise<readonly (GenerateResult | null)[]> {
    return this.#jobs.run('answer', '', async ({ signal }) => {
      const model = await this.#models.model();
      return model.engine.loss.guard(model.answerAll(requests, onAnswer, () => signal.aborted));
    });
  }

  /** The prediction of a run's classifier at a checkpoint. */
  predict({ runId, step }: AdapterChoice, request: PredictRequest): Promise<Prediction> {
    return this.#jobs.run('answer', runId, async () => {
      const model = await this.#models.model();
      const classifier = async (): Promise<Classifier> => {
        const run = await this.#runOf(model, runId);
        if (writesText(run.recipe)) throw noClassifier(run.name);
        const outputs = storedOutputs(model.config, run);
        const temperature = temperatureAt(run, step);
        return {
          recipe: run.recipe,
          tuning: await this.#stored(model, run, step),
          labels: run.labels ?? [],
          outputs,
          temperature,
        };
      };
      return model.engine.loss.guard(model.predict(classifier, request));
    });
  }

  /** A measurement of a checkpoint or of its base; null when it was cancelled. */
  measure(request: MeasureRequest, onBatch: OnBatch): Promise<Measurement | null> {
    return this.#measuring(request, onBatch, (model, measured, hooks) => model.measure(measured, hooks));
  }

  /** The outputs of a run's classifier for texts without labels; null when it was cancelled. */
  predictRows(request: PredictRowsRequest, onBatch: OnBatch): Promise<ExampleOutputs | null> {
    return this.#measuring({ ...request, which: 'tuned' }, onBatch, async (model, measured, hooks) => {
      const { name, recipe } = await (await this.#store).run(request.runId);
      if (writesText(recipe)) throw noClassifier(name);
      return model.predictRows(measured, hooks);
    });
  }

  #measuring<T>(
    request: MeasureRequest,
    onBatch: OnBatch,
    work: (model: LoadedModel, measured: () => Promise<Measured>, hooks: MeasureHooks) => Promise<T | null>,
  ): Promise<T | null> {
    return this.#jobs.run('measure', request.runId, async ({ signal }) => {
      try {
        const model = await this.#models.model();
        const hooks = { onBatch, stopped: () => signal.aborted };
        return await model.engine.loss.guard(work(model, () => this.#measured(model, request, signal), hooks));
      } catch (error) {
        if (signal.aborted && error === signal.reason) return null;
        throw error;
      }
    });
  }

  async #measured(model: LoadedModel, { runId, step, which, dataset }: MeasureRequest, signal: AbortSignal): Promise<Measured> {
    const stored = await this.#runOf(model, runId);
    const { run, data, rows } = await measuredData(stored, dataset, await this.#store);
    const found = await this.#models.teacher(run, this.#models.folders.get(model.view.id), model.engine);
    return {
      ...{ run, dataset: data, rows },
      ...(which === 'prompted' && { shots: shotsOf(stored) }),
      tuning: await this.#measuredTuning(model, stored, which, step),
      outputs: storedOutputs(model.config, { ...stored, recipe: run.recipe }),
      judges: await storedJudges(run.recipe, await this.#store, { id: model.view.id, config: model.config }),
      teacher: found === null ? undefined : await checkedTeacher(found, model.executor.kind, { signal }),
    };
  }

  async #measuredTuning(model: LoadedModel, run: StoredRun, which: MeasureRequest['which'], step: number | null) {
    if (which === 'base' || which === 'prompted') return null;
    if (which === 'tuned') return this.#stored(model, run, step);
    const { parent, checkpoints } = run;
    if (parent === undefined) throw new CodedError('train/state', `${run.name} started from no other run: measure the base.`);
    if (checkpoints.some((checkpoint) => checkpoint.step === 0)) return this.#stored(model, run, 0);
    return this.#stored(model, await this.#runOf(model, parent.runId), parent.step);
  }

  /** What is in training, or that of a checkpoint. */
  async #tuningOf(model: LoadedModel, { runId, step }: AdapterChoice): Promise<Tuning> {
    const inTraining = step === null ? this.#runs.tuningOf(runId) : null;
    if (inTraining !== null) return inTraining;
    const run = await this.#runOf(model, runId);
    if (!writesText(run.recipe)) throw noText(run.name);
    return this.#stored(model, run, step);
  }

  async #runOf(model: LoadedModel, runId: string): Promise<StoredRun> {
    const run = await (await this.#store).run(runId);
    if (run.modelId !== model.view.id)
      throw new CodedError('train/state', `This adapter was trained on ${run.modelName}: load that model first.`);
    return run;
  }

  /** What a checkpoint holds, on the device. */
  #stored(model: LoadedModel, run: StoredRun, step: number | null): Promise<Tuning> {
    const { id, recipe, parameters, checkpoints } = run;
    const saved = checkpoints.findLast((checkpoint) => step === null || checkpoint.step === step);
    return model.stored(`${id} ${saved?.step} ${saved?.savedAt}`, async () => {
      const { snapshot } = await (await this.#store).load(id, step);
      return { recipe, parameters, vector: answeringVector(snapshot), outputs: storedOutputs(model.config, run) };
    });
  }
}

/** Throws `train/state` when the run keeps no examples, or does not learn conversations. */
function shotsOf({ name, recipe, shots = [] }: StoredRun): readonly RunShot[] {
  if (shots.length > 0 && recipe.objective.kind === 'sft') return shots;
  throw new CodedError('train/state', `${name} keeps no examples of conversations: the base can’t be prompted with any.`);
}

function noClassifier(name: string): CodedError {
  return new CodedError('train/state', `${name} writes text: it predicts no labels or numbers. Ask it for an answer.`);
}

function noText(name: string): CodedError {
  return new CodedError(
    'train/state',
    `${name} predicts labels or numbers: it writes no text. Ask a run that learns to write, or the base.`,
  );
}

function lostAnswer(error: unknown): CodedError {
  const message = `${messageOf(error)} The answer is not complete. Ask again: a new device is requested then.`;
  return new CodedError('gpu/lost', message, [], { cause: error });
}
