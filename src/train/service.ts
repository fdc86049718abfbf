/** The training worker's API: one device, one loaded model, one run at a time, and the store. Each part does its own calls. */

import type { RunStore } from '../checkpoint/types';
import type { ExportedFile } from '../export/types';
import { deleteDownload, listDownloads, type StoredDownload } from '../hub/downloads';
import type { CachedModel, ModelCache } from '../model/cache';
import type { LoadProgress, ModelSource, ModelView, Verification } from '../model/types';
import type { BasePrecision } from '../recipe/recipe';
import { Combining } from './combining';
import { TrainDevice } from './device';
import { Exports } from './exports';
import { Generation } from './generation';
import { Imports } from './imports';
import { Jobs } from './jobs';
import type { LoadedModel } from './loaded';
import { Models } from './models';
import { Planning } from './planning';
import { Runs } from './runs';
import type {
  AdapterChoice,
  CombineRequest,
  DeviceOptions,
  DeviceReport,
  DeviceView,
  ExampleOutputs,
  ExecutorKind,
  ExportOffer,
  Forecast,
  GenerateRequest,
  GenerateResult,
  Measurement,
  MeasureRequest,
  OldData,
  OutlineForecast,
  PredictRequest,
  Prediction,
  RewardPreview,
  RunHistory,
  RunSetup,
  RunView,
  TeacherView,
  TrainEvent,
} from './types';

export class TrainService {
  readonly #jobs = new Jobs();
  readonly #device: TrainDevice;
  readonly #cache: ModelCache;
  readonly #models: Models;
  readonly #planning: Planning;
  readonly #runs: Runs;
  readonly #generation: Generation;
  readonly #exports: Exports;
  readonly #imports: Imports;
  readonly #combining: Combining;

  /** `store` may still be opening; every call that needs it rejects with its error. */
  constructor(store: Promise<RunStore>, cache: ModelCache) {
    store.catch(() => undefined);
    const device = new TrainDevice(this.#jobs, store);
    this.#device = device;
    this.#cache = cache;
    this.#models = new Models(this.#jobs, device, cache);
    this.#planning = new Planning(this.#jobs, device, this.#models, store);
    this.#runs = new Runs(this.#jobs, device, this.#models, store);
    this.#generation = new Generation(this.#jobs, this.#models, this.#runs, store);
    this.#exports = new Exports(store, this.#models.folders);
    this.#imports = new Imports(store, this.#models.folders);
    this.#combining = new Combining(store, this.#models.folders);
  }

  /** The loaded model; null when there is none. */
  get model(): LoadedModel | null {
    return this.#models.loaded;
  }

  openDevice(choice: 'auto' | ExecutorKind, options: DeviceOptions = {}): Promise<DeviceView> {
    return this.#models.openDevice(choice, options);
  }

  measurePace(): Promise<boolean> {
    return this.#device.measurePace();
  }

  reportDevice(...of: Parameters<Planning['reportDevice']>): Promise<DeviceReport> {
    return this.#planning.reportDevice(...of);
  }

  inspectModel(source: ModelSource): Promise<ModelView> {
    return this.#models.folders.inspect(source);
  }

  loadModel(id: string, precision: BasePrecision, onProgress: (progress: LoadProgress) => void): Promise<void> {
    return this.#models.load(id, precision, onProgress);
  }

  cancelLoad(): Promise<void> {
    this.#models.cancelLoad();
    return Promise.resolve();
  }

  cachedModels(): Promise<readonly CachedModel[]> {
    return this.#cache.list();
  }

  deleteModel(id: string): Promise<void> {
    return this.#cache.delete(id);
  }

  verifyModel(id: string): Promise<Verification> {
    return this.#cache.verify(id);
  }

  downloads(): Promise<readonly StoredDownload[]> {
    return listDownloads();
  }

  deleteDownload(key: string): Promise<void> {
    return deleteDownload(key);
  }

  takeDownload(key: string): Promise<ModelView> {
    return this.#models.folders.takeDownload(key);
  }

  teachers(modelId: string): Promise<readonly TeacherView[]> {
    return this.#models.folders.teachers(modelId);
  }

  forecast(...of: Parameters<Planning['forecast']>): Promise<Forecast> {
    return this.#planning.forecast(...of);
  }

  forecastOutline(...of: Parameters<Planning['forecastOutline']>): Promise<OutlineForecast> {
    return this.#planning.forecastOutline(...of);
  }

  previewRewards(...of: Parameters<Planning['previewRewards']>): Promise<RewardPreview> {
    return this.#planning.previewRewards(...of);
  }

  warmUp(...of: Parameters<Planning['warmUp']>): Promise<void> {
    return this.#planning.warmUp(...of);
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

  cancelRun(): Promise<void> {
    this.#jobs.end('run', 'cancel');
    return Promise.resolve();
  }

  trainingElsewhere(): Promise<string | null> {
    return this.#runs.elsewhere();
  }

  runs(): Promise<readonly RunView[]> {
    return this.#runs.list();
  }

  history(runId: string): Promise<RunHistory> {
    return this.#runs.history(runId);
  }

  oldData(runId: string): Promise<OldData | null> {
    return this.#runs.oldData(runId);
  }

  renameRun(runId: string, name: string): Promise<void> {
    return this.#runs.rename(runId, name);
  }

  noteRun(runId: string, notes: string): Promise<void> {
    return this.#runs.note(runId, notes);
  }

  calibrateRun(...of: Parameters<Runs['calibrate']>): Promise<void> {
    return this.#runs.calibrate(...of);
  }

  keepPairs(...of: Parameters<Runs['keepPairs']>): Promise<void> {
    return this.#runs.keepPairs(...of);
  }

  pairPrompts(...of: Parameters<Runs['pairPrompts']>): ReturnType<Runs['pairPrompts']> {
    return this.#runs.pairPrompts(...of);
  }

  deleteRun(runId: string): Promise<void> {
    return this.#runs.delete(runId);
  }

  generate(adapter: AdapterChoice | null, request: GenerateRequest, onText: (text: string) => void): Promise<GenerateResult> {
    return this.#generation.generate(adapter, request, onText);
  }

  answerAll(...of: Parameters<Generation['answerAll']>): ReturnType<Generation['answerAll']> {
    return this.#generation.answerAll(...of);
  }

  predict(run: AdapterChoice, request: PredictRequest): Promise<Prediction> {
    return this.#generation.predict(run, request);
  }

  cancelGenerate(): Promise<void> {
    this.#jobs.end('answer', 'stop');
    return Promise.resolve();
  }

  measure(request: MeasureRequest, onBatch: (done: number, total: number) => void): Promise<Measurement | null> {
    return this.#generation.measure(request, onBatch);
  }

  predictRows(...of: Parameters<Generation['predictRows']>): Promise<ExampleOutputs | null> {
    return this.#generation.predictRows(...of);
  }

  cancelMeasure(): Promise<void> {
    this.#jobs.end('measure', 'stop');
    return Promise.resolve();
  }

  importAdapter(modelId: string, files: readonly File[], name: string | null): Promise<RunView> {
    return this.#imports.adapter(modelId, files, name);
  }

  combineAdapters(request: CombineRequest): Promise<RunView> {
    return this.#combining.combine(request);
  }

  exports(runId: string): Promise<ExportOffer> {
    return this.#exports.offer(runId);
  }

  exportRun(...of: Parameters<Exports['files']>): Promise<readonly ExportedFile[]> {
    return this.#exports.files(...of);
  }
}
