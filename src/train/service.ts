/** Everything the page can ask of the training worker: one device, one loaded model, one run under way, and the store. */

import { declareAdapter, trainableCount } from '../adapter/lora';
import type { RunRecord, RunStore, Snapshot, StoredRun } from '../checkpoint/types';
import { CodedError, codeOf, messageOf } from '../core/errors';
import { Mutex } from '../core/mutex';
import { NUMERICS } from '../core/numerics';
import type { EncodedDataset } from '../batch/types';
import type { ExportedFile } from '../export/types';
import type { ModelCache } from '../model/cache';
import type { LoadProgress, ModelSource, ModelView } from '../model/types';
import { deviceTypes } from '../model/precision';
import { expectedStorage } from '../model/weights-source';
import type { BasePrecision, Recipe } from '../recipe/recipe';
import { exportFiles } from './export-run';
import { lossOf, openEngine, type Engine } from './engine';
import { checkFits } from './fits';
import { checkRecipe, forecastRun, totalSteps } from './forecast';
import { LoadedModel } from './loaded';
import { Models } from './models';
import { planBatches } from './batches';
import { lossesOf } from './losses';
import { targetLayers, type NamedAdapter } from './programs';
import { Run } from './run';
import { warmUp } from './warm-up';
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
  RunHistory,
  RunSetup,
  RunView,
  SampleRow,
  StepRow,
  TrainEvent,
} from './types';

type OnEvent = (event: TrainEvent) => void;

export class TrainService {
  readonly #store: Promise<RunStore>;
  readonly #cache: ModelCache;
  readonly #models: Models;
  readonly #loading = new Mutex();
  readonly #tuning = new Mutex();
  #engine: Engine | null = null;
  #deviceOptions: DeviceOptions = {};
  #model: LoadedModel | null = null;
  #run: Run | null = null;
  /** Adapters of earlier runs on the device, by run and step. */
  readonly #adapters = new Map<string, NamedAdapter>();
  #names = 0;
  /** What went wrong beside the work and has not been said yet. */
  readonly #warnings: unknown[] = [];
  #cancelled = false;

  /** `store` may still be opening; what it rejects with is what every call that needs it throws. */
  constructor(store: Promise<RunStore>, cache: ModelCache) {
    this.#store = store;
    store.catch(() => undefined);
    this.#cache = cache;
    this.#models = new Models((id) => cache.open(id));
  }

  async openDevice(choice: 'auto' | ExecutorKind, options: DeviceOptions = {}): Promise<DeviceView> {
    if (this.#run !== null) throw new CodedError('train/state', 'A run is under way: pause it before changing the device.');
    this.#unload();
    this.#deviceOptions = options;
    const engine = await openEngine(choice, options);
    this.#engine = engine;
    return { ...engine.view, tiles: await this.#tilesOf(engine) };
  }

  inspectModel(source: ModelSource): Promise<ModelView> {
    return this.#models.inspect(source);
  }

  loadModel(id: string, precision: BasePrecision, onProgress: (progress: LoadProgress) => void): Promise<void> {
    return this.#loading.run(() => this.#load(id, precision, onProgress));
  }

  cachedModels(): Promise<readonly { id: string; name: string; bytes: number }[]> {
    return this.#cache.list();
  }

  deleteModel(id: string): Promise<void> {
    return this.#cache.delete(id);
  }

  async forecast(modelId: string, recipe: Recipe, trainTokens: number): Promise<Forecast> {
    const folder = this.#models.get(modelId);
    const types = deviceTypes(folder.config, expectedStorage(folder), recipe.basePrecision);
    const rows = Math.ceil(trainTokens / recipe.sequenceLength);
    const microSteps = Math.max(1, Math.ceil(rows / recipe.microBatch));
    const engine = await this.#openedEngine();
    checkFits(folder, engine);
    return forecastRun(folder.config, recipe, types, engine.machine, microSteps);
  }

  async warmUp(modelId: string, recipe: Recipe): Promise<void> {
    const engine = await this.#openedEngine();
    const { device } = engine;
    if (device === null || this.#run !== null) return;
    const folder = this.#models.get(modelId);
    const types = deviceTypes(folder.config, expectedStorage(folder), recipe.basePrecision);
    await warmUp(device, folder.config, recipe, types, this.#tunerOf(engine));
  }

  async start(setup: RunSetup, onEvent: OnEvent): Promise<RunView> {
    const model = this.#expectModel(setup.modelId);
    checkRecipe(model.config, setup.recipe);
    checkPrecision(model, setup.recipe);
    const record = newRecord(setup, model, this.#engineView());
    const store = await this.#store;
    return this.#alone(record.id, async () => {
      await store.putDataset(setup.dataset);
      await store.putRun(record);
      return this.#train(record, setup.dataset, null, 0, onEvent);
    });
  }

  resume(runId: string, onEvent: OnEvent): Promise<RunView> {
    return this.#alone(runId, () => this.#resume(runId, onEvent));
  }

  async #resume(runId: string, onEvent: OnEvent): Promise<RunView> {
    const stored = await (await this.#store).run(runId);
    if (this.#loaded().view.id !== stored.modelId)
      throw new CodedError('train/state', `This run continues on ${stored.modelName}: choose that model first.`);
    checkPrecision(this.#loaded(), stored.recipe);
    const dataset = await (await this.#store).dataset(stored.datasetHash);
    const { record, snapshot, seconds } = await this.#rewind(stored, onEvent);
    return this.#train(record, dataset, snapshot, seconds, onEvent);
  }

  async pause(): Promise<void> {
    this.#run?.end('pause');
    return Promise.resolve();
  }

  async stop(save: boolean): Promise<void> {
    this.#run?.end(save ? 'stop' : 'drop');
    return Promise.resolve();
  }

  async trainingElsewhere(): Promise<string | null> {
    const training = await (await this.#store).training();
    return training === this.#run?.id ? null : training;
  }

  async runs(): Promise<readonly RunView[]> {
    const stored = await (await this.#store).runs();
    return stored.map((run) => viewOf(run, this.#run?.id === run.id)).sort((a, b) => b.createdAt - a.createdAt);
  }

  async history(runId: string): Promise<RunHistory> {
    const store = await this.#store;
    const [steps, evals, samples] = await Promise.all(
      (['steps', 'evals', 'samples'] as const).map((kind) => store.rows(runId, kind)),
    );
    return { steps: (steps ?? []) as StepRow[], evals: (evals ?? []) as EvalRow[], samples: (samples ?? []) as SampleRow[] };
  }

  async renameRun(runId: string, name: string): Promise<void> {
    const { checkpoints, locked, ...record } = await (await this.#store).run(runId);
    await (await this.#store).putRun({ ...record, name });
    if (this.#run?.id === runId) this.#run.rename(name);
  }

  async deleteRun(runId: string): Promise<void> {
    if (this.#run?.id === runId) throw new CodedError('train/state', 'This run is under way: stop it before deleting it.');
    await (await this.#store).deleteRun(runId);
  }

  async generate(
    choice: AdapterChoice | null,
    request: GenerateRequest,
    onText: (text: string) => void,
  ): Promise<GenerateResult> {
    const model = this.#loaded();
    this.#cancelled = false;
    const adapter = choice === null ? null : await this.#adapterOf(model, choice);
    return model.generate(adapter, request, onText, () => this.#cancelled);
  }

  cancelGenerate(): Promise<void> {
    this.#cancelled = true;
    return Promise.resolve();
  }

  async exportAdapter(runId: string, step: number | null): Promise<readonly ExportedFile[]> {
    const stored = await (await this.#store).run(runId);
    const { snapshot } = await (await this.#store).load(runId, step);
    return exportFiles(stored, snapshot, (await this.history(runId)).evals);
  }

  async #load(id: string, precision: BasePrecision, onProgress: (progress: LoadProgress) => void): Promise<void> {
    if (this.#model?.view.id === id && this.#model.precision === precision) return;
    if (this.#run !== null) throw new CodedError('train/state', 'A run is under way: pause it before changing the model.');
    const folder = this.#models.get(id);
    const engine = await this.#openedEngine();
    this.#unload();
    this.#model = await LoadedModel.load(engine, folder, precision, onProgress);
    // Keeping a copy is a courtesy: a full disk must not keep the model from being used. The next run says it.
    if (!folder.view.cached) await this.#cache.put(folder).catch((error: unknown) => this.#warnings.push(error));
  }

  async #train(
    record: RunRecord,
    dataset: EncodedDataset,
    snapshot: Snapshot | null,
    seconds: number,
    onEvent: OnEvent,
  ): Promise<RunView> {
    if (this.#run !== null) throw new CodedError('train/state', 'A run is under way already.');
    const model = this.#loaded();
    const unlock = await (await this.#store).lock(record.id);
    for (const error of this.#warnings.splice(0)) onEvent({ type: 'notice', code: codeOf(error), message: messageOf(error) });
    const engine = await this.#openedEngine();
    const context = {
      model,
      machine: engine.machine,
      store: await this.#store,
      onEvent,
      valuePrefix: this.#nextName(),
      loss: lossOf(engine),
      peak: engine.peak,
      tune: this.#tunerOf(engine),
    };
    const run = new Run(context, record, dataset);
    this.#run = run;
    try {
      const view = await run.go(snapshot, seconds);
      this.#keepAdapter(run, view);
      return view;
    } catch (error) {
      if (codeOf(error) !== 'gpu/lost') throw error;
      onEvent({ type: 'notice', code: 'gpu/lost', message: messageOf(error) });
    } finally {
      this.#run = null;
      unlock();
    }
    await this.#reopen(model);
    return this.#resume(record.id, onEvent);
  }

  /** Runs `train` while this worker holds the lock of all training. */
  async #alone(runId: string, train: () => Promise<RunView>): Promise<RunView> {
    if (this.#run !== null) throw new CodedError('train/state', 'A run is under way already: pause or stop it first.');
    const unlock = await (await this.#store).lockTraining(runId);
    try {
      return await train();
    } finally {
      unlock();
    }
  }

  /** After the device was lost: a new device, the model on it again. */
  async #reopen({ view, precision }: LoadedModel): Promise<void> {
    this.#unload();
    this.#engine = await openEngine(this.#engine?.view.executor ?? 'auto', this.#deviceOptions);
    await this.#load(view.id, precision, () => undefined);
  }

  /** The newest checkpoint, and the record and rows as they were then. */
  async #rewind(stored: StoredRun, onEvent: OnEvent): Promise<{ record: RunRecord; snapshot: Snapshot | null; seconds: number }> {
    const snapshot = stored.checkpoints.length === 0 ? null : await this.#newest(stored.id, onEvent);
    const step = snapshot?.step ?? 0;
    await (await this.#store).cutRows(stored.id, snapshot === null ? -1 : step);
    const { steps, evals } = await this.history(stored.id);
    const { checkpoints, locked, ...record } = stored;
    return {
      snapshot,
      seconds: steps.at(-1)?.seconds ?? 0,
      record: {
        ...record,
        step,
        baseLoss: snapshot === null ? null : record.baseLoss,
        ...lossesOf(evals),
      },
    };
  }

  async #newest(runId: string, onEvent: OnEvent): Promise<Snapshot> {
    const { snapshot, skipped } = await (await this.#store).load(runId, null);
    for (const message of skipped) onEvent({ type: 'notice', code: 'store/corrupt', message });
    return snapshot;
  }

  #keepAdapter(run: Run, view: RunView): void {
    if (run.adapter !== null && run.adapterIsCurrent) this.#adapters.set(adapterKey(run.id, view.step), run.adapter);
  }

  /** The adapter in training, or that of a checkpoint, written to the device when first asked for. */
  async #adapterOf(model: LoadedModel, { runId, step }: AdapterChoice): Promise<NamedAdapter> {
    if (step === null && this.#run?.id === runId && this.#run.adapter !== null) return this.#run.adapter;
    const stored = await (await this.#store).run(runId);
    if (stored.modelId !== model.view.id)
      throw new CodedError('train/state', `This adapter belongs to ${stored.modelName}: choose that model first.`);
    const { snapshot } = await (await this.#store).load(runId, step);
    const key = adapterKey(runId, snapshot.step);
    const known = this.#adapters.get(key);
    if (known !== undefined) return known;
    const name = this.#nextName();
    const adapter = declareAdapter(model.graph, name, stored.layers, stored.recipe);
    model.executor.write(adapter.flat, snapshot.parameters);
    this.#adapters.set(key, { name, adapter });
    return { name, adapter };
  }

  /** One at a time, or they would slow each other. */
  #tunerOf({ device, tunes }: Engine): Tuner | null {
    if (device === null || !tunes) return null;
    return (plans) => this.#tuning.run(async () => tuneRun(device, plans, await this.#store));
  }

  /** Winners are a help, not a need: where they can't be read there are none. */
  async #tilesOf({ device }: Engine): Promise<Tiles> {
    if (device === null) return {};
    return this.#store.then((store) => store.tiles(deviceKey(device))).catch(() => ({}));
  }

  #unload(): void {
    this.#model?.dispose();
    this.#model = null;
    this.#adapters.clear();
  }

  #loaded(): LoadedModel {
    if (this.#model === null) throw new CodedError('train/state', 'Load a model first.');
    return this.#model;
  }

  /** The loaded model, which must be `id`. */
  #expectModel(id: string): LoadedModel {
    const model = this.#loaded();
    if (model.view.id === id) return model;
    throw new CodedError(
      'train/state',
      `The run needs ${this.#models.nameOf(id)}, but ${model.view.name} is loaded. Load ${this.#models.nameOf(id)}, then start again.`,
    );
  }

  async #openedEngine(): Promise<Engine> {
    return (this.#engine ??= await openEngine('auto'));
  }

  #engineView(): DeviceView {
    if (this.#engine === null) throw new CodedError('train/state', 'Open a device first.');
    return this.#engine.view;
  }

  #nextName(): string {
    return `run${this.#names++}`;
  }
}

function adapterKey(runId: string, step: number): string {
  return `${runId} ${step}`;
}

/** A run trains on weights as its recipe has them held, then and whenever it goes on. */
function checkPrecision({ view, precision }: LoadedModel, { basePrecision }: Recipe): void {
  if (precision === basePrecision) return;
  throw new CodedError(
    'train/state',
    `This run needs the weights of ${view.name} in ${basePrecision}; they are loaded in ${precision}. Load the model again.`,
  );
}

/** A run that says it is running while nobody holds its lock was cut off. */
function viewOf({ locked, layers, ...run }: StoredRun, own: boolean): RunView {
  return { ...run, status: run.status === 'running' && !locked && !own ? 'interrupted' : run.status };
}

function newRecord({ name, recipe, dataset, datasetName, prompts }: RunSetup, model: LoadedModel, device: DeviceView): RunRecord {
  const now = Date.now();
  const layers = targetLayers(model.config, recipe);
  const { microSteps } = planBatches(dataset, recipe, model.tokenizer.padId ?? 0);
  return {
    id: crypto.randomUUID(),
    name,
    createdAt: now,
    updatedAt: now,
    status: 'paused',
    modelId: model.view.id,
    modelName: model.view.name,
    datasetName,
    datasetHash: dataset.hash,
    examples: dataset.train.lines.length + dataset.heldOut.lines.length,
    recipe,
    step: 0,
    totalSteps: totalSteps(recipe, microSteps),
    baseLoss: null,
    tunedLoss: null,
    bestLoss: null,
    device: device.adapter,
    executor: device.executor,
    numerics: NUMERICS,
    trainable: trainableCount(layers, recipe.rank),
    prompts,
    layers,
  };
}
