/** The training worker's API: one device, one loaded model, one run at a time, and the store. */

import type { SlotPlan } from '../batch/types';
import type { RunStore } from '../checkpoint/types';
import { exportChoices, exportedBytes, exportedFiles, type ExportChoice, type ExportKind } from '../export';
import type { ExportedFile } from '../export/types';
import type { ModelCache } from '../model/cache';
import type { ModelFolder } from '../model/folder';
import { deviceTypes } from '../model/precision';
import type { LoadProgress, ModelSource, ModelView } from '../model/types';
import { expectedStorage } from '../model/weights-source';
import type { BasePrecision, Recipe } from '../recipe/recipe';
import { Answers } from './answers';
import type { Engine } from './engine';
import { tunedRun } from './export-run';
import { checkFits } from './fits';
import { forecastRun } from './forecast';
import { Host } from './host';
import { headParameters, jobOf } from './job';
import { Jobs } from './jobs';
import type { LoadedModel } from './loaded';
import { Models } from './models';
import { Runs } from './runs';
import { deviceKey, tuneRun, type Tiles, type Tuner } from './tune';
import type {
  AdapterChoice,
  DeviceOptions,
  DeviceView,
  EvalRow,
  ExecutorKind,
  Forecast,
  GenerateRequest,
  GenerateResult,
  PredictRequest,
  Prediction,
  RunHistory,
  RunSetup,
  RunView,
  SampleRow,
  StepRow,
  TrainEvent,
} from './types';
import { warmUp } from './warm-up';

export class TrainService {
  readonly #store: Promise<RunStore>;
  readonly #cache: ModelCache;
  readonly #models: Models;
  readonly #host: Host;
  readonly #runs: Runs;
  readonly #answers: Answers;
  readonly #jobs = new Jobs();
  /** Failures that did not stop the work and were not reported yet. */
  readonly #warnings: unknown[] = [];

  /** `store` may still be opening; every call that needs it rejects with its error. */
  constructor(store: Promise<RunStore>, cache: ModelCache) {
    this.#store = store;
    store.catch(() => undefined);
    this.#cache = cache;
    this.#models = new Models(cache);
    this.#host = new Host(this.#jobs, this.#models);
    this.#runs = new Runs({
      ...{ jobs: this.#jobs, host: this.#host, models: this.#models, store },
      tunerOf: (engine) => this.#tunerOf(engine),
      takeWarnings: () => this.#warnings.splice(0),
    });
    this.#answers = new Answers(this.#jobs, this.#host, this.#runs, store);
  }

  /** The loaded model; null when there is none. */
  get model(): LoadedModel | null {
    return this.#host.loaded;
  }

  async openDevice(choice: 'auto' | ExecutorKind, options: DeviceOptions = {}): Promise<DeviceView> {
    const engine = await this.#host.openDevice(choice, options);
    return { ...engine.view, tiles: await this.#tilesOf(engine) };
  }

  inspectModel(source: ModelSource): Promise<ModelView> {
    return this.#models.inspect(source);
  }

  async loadModel(id: string, precision: BasePrecision, onProgress: (progress: LoadProgress) => void): Promise<void> {
    // The page asks for the model of its run, also to answer during the run.
    if (this.#isLoaded(id, precision) && this.#jobs.refusal('load', id) !== null) return;
    await this.#host.loadModel(id, precision, onProgress);
    const folder = this.#models.get(id);
    // The copy is optional: when the disk is full the model can still be used. The next run reports the failure.
    if (!folder.view.cached) await this.#cache.put(folder).catch((error: unknown) => this.#warnings.push(error));
  }

  cachedModels(): Promise<readonly { id: string; name: string; bytes: number }[]> {
    return this.#cache.list();
  }

  deleteModel(id: string): Promise<void> {
    return this.#cache.delete(id);
  }

  async forecast(modelId: string, recipe: Recipe, trainTokens: number, slots?: SlotPlan): Promise<Forecast> {
    const folder = this.#models.get(modelId);
    const rows = Math.ceil(trainTokens / recipe.sequenceLength);
    const microSteps = Math.max(1, Math.ceil(rows / recipe.microBatch));
    const engine = await this.#host.engine();
    checkFits(folder, engine);
    const job = jobOf(recipe, slots, folder.config);
    const forecast = forecastRun(folder.config, recipe, typesOf(folder, recipe), engine.machine, microSteps, job);
    return { ...forecast, fileBytes: exportedBytes(recipe, folder, headParameters(folder.config, job)) };
  }

  async warmUp(modelId: string, recipe: Recipe, slots?: SlotPlan): Promise<void> {
    const engine = await this.#host.engine();
    if (engine.device === null || engine.view.executor !== 'webgpu') return;
    const folder = this.#models.get(modelId);
    const job = jobOf(recipe, slots, folder.config);
    const { device } = engine;
    const tune = this.#tunerOf(engine);
    if (this.#jobs.refusal('warm-up', modelId) !== null) return;
    await this.#jobs.run('warm-up', modelId, () => warmUp(device, folder.config, recipe, job, typesOf(folder, recipe), tune));
  }

  start(setup: RunSetup, onEvent: (event: TrainEvent) => void): Promise<RunView> {
    return this.#runs.start(setup, onEvent);
  }

  resume(runId: string, onEvent: (event: TrainEvent) => void): Promise<RunView> {
    return this.#runs.resume(runId, onEvent);
  }

  pause(): Promise<void> {
    this.#jobs.end('run', 'pause');
    return Promise.resolve();
  }

  stop(save: boolean): Promise<void> {
    this.#jobs.end('run', save ? 'stop' : 'drop');
    return Promise.resolve();
  }

  trainingElsewhere(): Promise<string | null> {
    return this.#runs.elsewhere();
  }

  runs(): Promise<readonly RunView[]> {
    return this.#runs.list();
  }

  async history(runId: string): Promise<RunHistory> {
    const store = await this.#store;
    const [steps = [], evals = [], samples = []] = await Promise.all(
      (['steps', 'evals', 'samples'] as const).map((kind) => store.rows(runId, kind)),
    );
    return { steps: steps as StepRow[], evals: evals as EvalRow[], samples: samples as SampleRow[] };
  }

  async renameRun(runId: string, name: string): Promise<void> {
    await (await this.#store).updateRun(runId, { name });
  }

  async deleteRun(runId: string): Promise<void> {
    await this.#jobs.run('delete', runId, async () => (await this.#store).deleteRun(runId));
  }

  generate(adapter: AdapterChoice | null, request: GenerateRequest, onText: (text: string) => void): Promise<GenerateResult> {
    return this.#answers.generate(adapter, request, onText);
  }

  predict(run: AdapterChoice, request: PredictRequest): Promise<Prediction> {
    return this.#answers.predict(run, request);
  }

  cancelGenerate(): Promise<void> {
    this.#answers.cancel();
    return Promise.resolve();
  }

  async exports(runId: string): Promise<readonly ExportChoice[]> {
    const run = await (await this.#store).run(runId);
    return exportChoices({ ...run, base: await this.#models.find(run.modelId) });
  }

  async exportRun(runId: string, step: number | null, kind: ExportKind): Promise<readonly ExportedFile[]> {
    const store = await this.#store;
    const run = await store.run(runId);
    const [{ snapshot }, { evals }] = await Promise.all([store.load(runId, step), this.history(runId)]);
    return exportedFiles(kind, tunedRun(run, snapshot, evals, await this.#models.find(run.modelId)));
  }

  #isLoaded(id: string, precision: BasePrecision): boolean {
    const { model } = this;
    return model !== null && model.view.id === id && model.precision === precision && model.engine.loss.error === null;
  }

  /** Tunings run one at a time: side by side they would slow each other. */
  #tunerOf({ device, tunes }: Engine): Tuner | null {
    if (device === null || !tunes) return null;
    return (plans) => this.#jobs.run('tune', '', async () => tuneRun(device, plans, await this.#store));
  }

  /** The winners of earlier tunings; none where they cannot be read, since they only save time. */
  async #tilesOf({ device }: Engine): Promise<Tiles> {
    if (device === null) return {};
    return this.#store.then((store) => store.tiles(deviceKey(device))).catch(() => ({}));
  }
}

function typesOf(folder: ModelFolder, { basePrecision }: Recipe): ReturnType<typeof deviceTypes> {
  return deviceTypes(folder.config, expectedStorage(folder), basePrecision);
}
