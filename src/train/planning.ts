/** Runs before they start: what they would need of the device, and their kernels. */

import type { EncodedDataset, SlotPlan } from '../batch/types';
import type { RunStore } from '../checkpoint/types';
import type { DType } from '../core/dtype';
import { CodedError, messageOf } from '../core/errors';
import { exportedBytes } from '../export';
import { countParameters, outlinedModel, type ModelFolder } from '../model/folder';
import { deviceTypes } from '../model/precision';
import type { ModelOutline } from '../model/types';
import { expectedStorage } from '../model/weights-source';
import type { Recipe } from '../recipe/recipe';
import { TextTokenizer } from '../tokenizer/tokenizer';
import type { TrainDevice } from './device';
import { reportDevice } from './device-report';
import { checkFits } from './fits';
import type { Engine } from './engine';
import { forecastRun } from './forecast';
import { headParameters, jobOf, type Job } from './job';
import type { Jobs } from './jobs';
import { judgeBytes, modelRewards, openJudges, storedJudges } from './judges';
import type { Models } from './models';
import { expectedTeacher } from './teacher';
import { previewRewards } from './reward-preview';
import { updatesPerPass } from './rollouts';
import type { DataSize, DeviceReport, Forecast, OutlineForecast, RewardPreview, TeacherChoice } from './types';
import { warmUp } from './warm-up';

export class Planning {
  readonly #jobs: Jobs;
  readonly #device: TrainDevice;
  readonly #models: Models;
  readonly #store: Promise<RunStore>;

  constructor(jobs: Jobs, device: TrainDevice, models: Models, store: Promise<RunStore>) {
    this.#jobs = jobs;
    this.#device = device;
    this.#models = models;
    this.#store = store;
  }

  /** Memory, steps and time of a run on data of that size with an inspected model; nothing is loaded. */
  async forecast(modelId: string, recipe: Recipe, size: DataSize, teacher?: TeacherChoice): Promise<Forecast> {
    const folder = this.#models.folders.get(modelId);
    const microSteps = microStepsOf(size, recipe);
    const engine = await this.#device.engine();
    checkFits(folder, engine);
    const job = await this.#jobOf(folder, recipe, size.slots, teacher, engine);
    const pace = await this.#device.paceOf(engine);
    const forecast = forecastRun(folder.config, recipe, typesOf(folder, recipe), engine.machine, microSteps, job, pace);
    return { ...forecast, fileBytes: exportedBytes(recipe, folder, headParameters(folder.config, job)) };
  }

  /**
   * What a run with a model would take that is not on this device. A model that can't be trained says why; throws when it is none that
   * Finetab knows.
   */
  async forecastOutline(outline: ModelOutline, recipe: Recipe, size: DataSize | null): Promise<OutlineForecast> {
    const model = outlinedModel(outline);
    const { config } = model;
    const known = { family: config.modelType, parameters: countParameters(model), context: config.maxPositions };
    try {
      const engine = await this.#device.engine();
      checkFits({ ...model, view: outline }, engine);
      const fitting = { ...recipe, sequenceLength: Math.min(recipe.sequenceLength, config.maxPositions) };
      const job = jobOf(fitting, size?.slots, config);
      const pace = await this.#device.paceOf(engine);
      const microSteps = microStepsOf(size, fitting);
      return {
        ...known,
        forecast: forecastRun(config, fitting, typesOf(model, fitting), engine.machine, microSteps, job, pace),
        problem: null,
      };
    } catch (error) {
      return { ...known, forecast: null, problem: messageOf(error) };
    }
  }

  /**
   * What the device reaches, with a step of an inspected model by this recipe; its weights are not loaded. Rejects with `train/state`
   * during a run, and when other work ended the measurement.
   */
  async reportDevice(modelId: string, recipe: Recipe, slots?: SlotPlan, teacher?: TeacherChoice): Promise<DeviceReport> {
    const engine = await this.#device.engine();
    const folder = this.#models.folders.get(modelId);
    const job = await this.#jobOf(folder, recipe, slots, teacher, engine);
    const step = { config: folder.config, recipe, job, dtypeOf: typesOf(folder, recipe) };
    return this.#jobs.run('pace', modelId, ({ signal }) =>
      reportDevice(engine, signal, step).catch((error: unknown) => {
        if (signal.aborted) throw new CodedError('train/state', 'Something else needed the device. Measure again.');
        throw error;
      }),
    );
  }

  /** Compiles the kernels of a run with an inspected model. Does nothing on the processor or during a run. */
  async warmUp(modelId: string, recipe: Recipe, slots?: SlotPlan, teacher?: TeacherChoice): Promise<void> {
    const engine = await this.#device.engine();
    const { device } = engine;
    if (device === null || engine.view.executor !== 'webgpu' || this.#jobs.refusal('warm-up', modelId) !== null) return;
    const folder = this.#models.folders.get(modelId);
    const job = await this.#jobOf(folder, recipe, slots, teacher, engine);
    const tune = this.#device.tunerOf(engine);
    await this.#jobs.run('warm-up', modelId, () => warmUp(device, folder.config, recipe, job, typesOf(folder, recipe), tune));
  }

  /**
   * Scores of the answers that the data have; see src/train/reward-preview.ts. Rewards that models give need the model on the device: throws
   * `train/state` when another one is.
   */
  async previewRewards(modelId: string, recipe: Recipe, dataset: EncodedDataset): Promise<RewardPreview> {
    const { view } = this.#models.folders.get(modelId);
    if (modelRewards(recipe).length === 0) return previewRewards(dataset, recipe, new TextTokenizer(view.tokenizer), null);
    const model = await this.#models.model();
    if (model.view.id !== modelId)
      throw new CodedError('train/state', `${view.name} is not loaded, and its runs score with it. Load it, then try again.`);
    const judges = await storedJudges(recipe, await this.#store, { id: modelId, config: model.config });
    const open = (tokens: number) => openJudges(model, judges, tokens);
    return model.engine.loss.guard(previewRewards(dataset, recipe, model.tokenizer, open));
  }

  async #jobOf(
    folder: ModelFolder,
    recipe: Recipe,
    slots: SlotPlan | undefined,
    teacher: TeacherChoice | undefined,
    engine: Engine,
  ): Promise<Job> {
    const found = await this.#models.teacher({ recipe, teacher }, folder, engine);
    const job = jobOf(recipe, slots, folder.config, expectedTeacher(found, engine.view.executor));
    return modelRewards(recipe).length === 0 ? job : { ...job, judgeBytes: await judgeBytes(recipe, await this.#store) };
  }
}

/** Types on the device of the weights, by name, as far as the headers tell. */
function typesOf(folder: Pick<ModelFolder, 'config' | 'tensors'>, { basePrecision }: Recipe): (name: string) => DType {
  return deviceTypes(folder.config, expectedStorage(folder), basePrecision);
}

/** Micro-batches of one epoch. */
function microStepsOf(size: DataSize | null, { sequenceLength, microBatch, objective, gradientAccumulation }: Recipe): number {
  const { packedTokens = 0, parts } = size ?? {};
  if ('rewards' in objective) return gradientAccumulation * updatesPerPass(objective, Math.max(1, parts?.train ?? 1));
  return Math.max(1, Math.ceil(Math.ceil(packedTokens / sequenceLength) / microBatch));
}
