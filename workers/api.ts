/** The contract between the page and its workers: commands, results and events. Types only. */

import type { LeakReport } from '../src/batch/leak-report';
import type { DatasetEncoding, EncodedDataset, EncodedStats, SlotPlan } from '../src/batch/types';
import type { Cleaning } from '../src/dataset/dataset';
import type { DataFacts } from '../src/advice';
import type { DatasetUse, KeptDataset, KeptFile } from '../src/dataset/kept';
import type { SavedData, SaveKind } from '../src/dataset/save';
import type { LabelCount, WritingPrompt, WritingRequest, WrittenExample } from '../src/dataset/synthetic/types';
import type { DataFile, DatasetView, Mapping } from '../src/dataset/types';
import type { LookKind, Question, Reply } from '../src/dataset/look/types';
import type { FileRows } from '../src/dataset/table';
import type { TaughtRows, TeachingWish } from '../src/dataset/taught';
import type { Rating } from '../src/feedback/types';
import type { StoredTeaching, TaughtAnswer, TeachingJob } from '../src/teaching/types';
import type { Target } from '../src/encoding/encoding';
import type { ExportKind } from '../src/export';
import type { ExportedFile } from '../src/export/types';
import type { MaskKey } from '../src/core/mask-key';
import type { ModelRef } from '../src/core/hub';
import type { DownloadProgress } from '../src/hub/download';
import type { RemoteFile } from '../src/hub/remote-file';
import type { StoredDownload } from '../src/hub/downloads';
import type { Hit, HubPlan } from '../src/hub/types';
import type { CachedModel } from '../src/model/cache';
import type { LoadProgress, ModelOutline, ModelSource, ModelView, Verification } from '../src/model/types';
import type { BasePrecision, Recipe } from '../src/recipe/recipe';
import type { ExamplePreview, TokenizerFiles } from '../src/tokenizer/types';
import type {
  AdapterChoice,
  CombineRequest,
  DeviceOptions,
  DeviceReport,
  DeviceView,
  ExampleOutputs,
  ExecutorKind,
  ExportOffer,
  ExportOptions,
  Forecast,
  GenerateRequest,
  GenerateResult,
  Measurement,
  MeasureRequest,
  DataSize,
  OldData,
  OutlineForecast,
  PairPrompt,
  PredictRequest,
  Prediction,
  RewardPreview,
  PredictRowsRequest,
  RunHistory,
  RunSetup,
  RunView,
  StoredCalibration,
  StoredPairs,
  TeacherChoice,
  TeacherView,
  TrainEvent,
} from '../src/train/types';

/** The recipe's settings that encoding depends on, and what the data are encoded for; next-token prediction when absent. */
export type EncodeOptions = Pick<
  Recipe,
  'sequenceLength' | 'heldOutRatio' | 'testRatio' | 'split' | 'seed' | 'lossOn' | 'dataSteps'
> & {
  /** At the start of each document. */
  readonly virtualTokens?: number;
  readonly encoding?: DatasetEncoding;
};

/** What texts are encoded for: the task of a run, with the names of its classes or labels, or the number of its outputs. */
export type TextOptions = Pick<Recipe, 'sequenceLength' | 'seed' | 'dataSteps'> & { readonly target: Target };

/** data.worker.ts: parses, maps, tokenizes. Holds one dataset and one tokenizer. Throws coded errors. */
export interface DataApi {
  /**
   * Parses a file (or pasted text, wrapped in a File) or several, which become one table, detects their format, applies the data steps, and
   * keeps it. `progress` is called with the share that was read, 0 to 1.
   */
  open(files: File | readonly DataFile[], cleaning: Cleaning, progress?: (share: number) => void): Promise<DatasetView>;
  /** Applies another format or other column roles to the open file. `reason`: why, in a sentence; the user's choice when absent. */
  remap(mapping: Mapping, reason?: string): Promise<DatasetView>;
  /** Applies other data steps to the rows of the open file. */
  clean(cleaning: Cleaning): Promise<DatasetView>;
  close(): Promise<void>;
  setTokenizer(files: TokenizerFiles): Promise<void>;
  /** The example `index` of those for the objective, token by token; past the end the last one. Needs a tokenizer. */
  preview(index: number, options: EncodeOptions): Promise<ExamplePreview>;
  /** The index of the first example that a row of the file gives, by its origin; null for none. Needs a tokenizer. */
  exampleOf(origin: number, options: EncodeOptions): Promise<number | null>;
  /** Token statistics, without the tokens. Needs a tokenizer. */
  measure(options: EncodeOptions): Promise<EncodedStats>;
  /** Encodes all examples and splits them into training, held-out and test data. Needs a tokenizer. */
  encode(options: EncodeOptions): Promise<EncodedDataset>;
  /**
   * Texts that stand in the rows for training and in those that measure, before any is left out: reads all rows. Null for data that are too
   * large for memory. Needs a tokenizer.
   */
  leaks(options: EncodeOptions): Promise<LeakReport | null>;
  /**
   * Encodes the texts of all rows for a classifier or regressor that is to predict them: labels are not read, and no step drops a row. All
   * examples are in `train`. Needs a tokenizer. Throws `data/no-examples` when no row has a text.
   */
  encodeTexts(options: TextOptions): Promise<EncodedDataset>;
  /** The labels for which a model can write further examples; none for data without. Throws `data/columns` for data of another form. */
  writableLabels(): Promise<readonly LabelCount[]>;
  /** Begins the writing of examples like the present rows. Throws `data/columns` and `data/no-examples`. */
  startWriting(request: WritingRequest): Promise<void>;
  /** What the model is asked at attempt `index`. Throws `train/state` when the rows have changed since `startWriting`. */
  writingPrompt(index: number): Promise<WritingPrompt>;
  /** Reads and judges the answer to attempt `index`; `ended`: the model ended it itself. Throws like `writingPrompt`. */
  judgeWritten(index: number, text: string, ended: boolean): Promise<WrittenExample>;
  /**
   * The rows that a teacher is to answer, as the next run would split them. Needs a tokenizer. Throws `data/columns` for data of another
   * form, `data/no-examples` when no row has a question.
   */
  teachingRows(wish: TeachingWish, options: EncodeOptions): Promise<TaughtRows>;
  /** What each placeholder of data step `index`, counted from 0, stands for, which masks personal data. It is made when asked for, and not kept. */
  maskKey(index: number): Promise<MaskKey>;
  /** The rows of the open file as they are in it, as text. */
  rows(): Promise<FileRows>;
  /** What advice needs to know of the rows, counted in the first of them, and of the tokenizer. */
  facts(): Promise<DataFacts>;
  /** Answers a question about the rows as far as a tenth of a second reaches. Asked again, it goes on from there. */
  look<K extends LookKind>(question: Question<K>): Promise<Reply<K>>;
  /**
   * Tells `look` which rows are for training, validation and test. Returns the key that it is asked with; null for data that are too large
   * for memory. Needs a tokenizer.
   */
  markParts(options: EncodeOptions): Promise<string | null>;
  /**
   * The rows after the data steps as a table (JSONL, CSV or Parquet), or the examples as they are trained for `encoding` (JSONL; next-token
   * prediction when null). `progress` as in `open`.
   */
  save(kind: SaveKind, encoding: DatasetEncoding | null, progress?: (share: number) => void): Promise<SavedData>;
}

/** keep.worker.ts: the datasets that this browser keeps, by the hash of their content. Throws coded errors. */
export interface KeepApi {
  /** The one that was used last first. */
  list(): Promise<readonly KeptDataset[]>;
  /** Keeps files unless the same content is kept, and how they are used. Throws `store/quota` when there is not enough space. */
  keep(hash: string, files: readonly KeptFile[], use: DatasetUse): Promise<KeptDataset>;
  /** Remembers how a kept dataset is used. */
  use(hash: string, use: DatasetUse): Promise<void>;
  /** The files of a dataset. Throws `store/corrupt` when it is not kept. */
  open(hash: string): Promise<readonly KeptFile[]>;
  /** Throws `store/locked` while another tab writes it. */
  delete(hash: string): Promise<void>;
  /** The ratings of answers, the oldest first. */
  ratings(): Promise<readonly Rating[]>;
  /** Adds ratings and deletes those with the ids in `dropped`, all or none. Throws `store/quota` when there is not enough space. */
  changeRatings(added: readonly Rating[], dropped: readonly string[]): Promise<void>;
  /** The answers of a teacher that are not a dataset yet; null when there are none. */
  teaching(): Promise<StoredTeaching | null>;
  /** Stores what a teacher is to answer, in place of what was stored. Throws `store/quota` when there is not enough space. */
  beginTeaching(job: TeachingJob): Promise<void>;
  /** Stores further answers. Throws `store/quota` when there is not enough space. */
  addTaught(answers: readonly TaughtAnswer[]): Promise<void>;
  /** Forgets what a teacher is to answer, with its answers. */
  endTeaching(): Promise<void>;
}

/** train.worker.ts: owns the device, the model and the store. One model and one run at a time. Throws coded errors. */
export interface TrainApi {
  /** Opens the device. `auto` takes a real GPU, else wasm; explicit choices throw `gpu/unavailable`. */
  openDevice(choice: 'auto' | ExecutorKind, options?: DeviceOptions): Promise<DeviceView>;
  /**
   * Measures how fast the device computes: up to two seconds, for the time of forecasts. The best of all measurements is kept for the
   * device. Resolves with whether one is known; other work ends a measurement, and none begins during a run.
   */
  measurePace(): Promise<boolean>;
  /**
   * What the device reaches, with a training step of an inspected model, whose weights are not loaded: some seconds. Throws `train/state`
   * during a run, and when other work ended the measurement; `gpu/memory` when the step does not fit.
   */
  reportDevice(modelId: string, recipe: Recipe, slots?: SlotPlan, teacher?: TeacherChoice): Promise<DeviceReport>;
  /** Reads config, weight headers and tokenizer only. Throws `model/unsupported` with the name of what is not supported. */
  inspectModel(source: ModelSource): Promise<ModelView>;
  /** Loads the weights of an inspected model onto the device in `precision`, and stores a copy in this browser. */
  loadModel(id: string, precision: BasePrecision, onProgress: (progress: LoadProgress) => void): Promise<void>;
  /**
   * Ends the loads that were called before, also those that wait: they reject with `train/cancelled`, and nothing of the model stays on
   * the device.
   */
  cancelLoad(): Promise<void>;
  cachedModels(): Promise<readonly CachedModel[]>;
  deleteModel(id: string): Promise<void>;
  /** Compares the kept copy of a model with its hashes. Throws `store/corrupt` when there is none. */
  verifyModel(id: string): Promise<Verification>;
  /** Downloads from a hub that are stored, complete or not. */
  downloads(): Promise<readonly StoredDownload[]>;
  /** Deletes a download. Throws `store/locked` while it is written. */
  deleteDownload(key: string): Promise<void>;
  /** Keeps a complete download as a model, and inspects it. Throws like `inspectModel`; then the download stays. */
  takeDownload(key: string): Promise<ModelView>;
  /**
   * What a run with a model would take that is not on this device: memory, steps and time, from its configuration and the shapes of its
   * weights. `size` as in `forecast`; null: there are no data, and the run has one step.
   */
  forecastOutline(outline: ModelOutline, recipe: Recipe, size: DataSize | null): Promise<OutlineForecast>;
  /** The models on this device as teachers of an inspected one; those that don't fit say why. */
  teachers(modelId: string): Promise<readonly TeacherView[]>;
  /**
   * Memory, steps and time of a run with an inspected model; nothing is loaded. `size` is in the encoded data's statistics. Throws `recipe/invalid` when objective and data do not fit, or
   * the objective needs a teacher and has none that fits.
   */
  forecast(modelId: string, recipe: Recipe, size: DataSize, teacher?: TeacherChoice): Promise<Forecast>;
  /**
   * Scores of the answers that the data have, by the rewards of the recipe. Throws `recipe/invalid` when it has none, `data/no-examples`
   * when the data have no questions, and `reward/code` with what is wrong with a function.
   */
  previewRewards(modelId: string, recipe: Recipe, dataset: EncodedDataset): Promise<RewardPreview>;
  /** Compiles the kernels that a run with an inspected model needs. Does nothing on the processor or during a run. */
  warmUp(modelId: string, recipe: Recipe, slots?: SlotPlan, teacher?: TeacherChoice): Promise<void>;

  /**
   * Starts a run on the loaded model; resolves when it finished, was stopped or paused. Throws `train/state` when another model
   * is loaded or the teacher is not on this device, `recipe/invalid` when the recipe does not fit the model or the data, `model/unsupported` when the model can't learn the
   * objective, `store/corrupt` when the run that the recipe starts from is not in this browser, and `store/locked` when another tab
   * trains; nothing is stored then.
   */
  start(setup: RunSetup, onEvent: (event: TrainEvent) => void): Promise<RunView>;
  /** Continues from the newest checkpoint (after a pause, a reload or a crash). Throws like `start`. */
  resume(runId: string, onEvent: (event: TrainEvent) => void): Promise<RunView>;
  /** Finishes the current step and saves; then `start` resolves. May be called at any time during a run, also before its first step. */
  pause(): Promise<void>;
  /** Like pause, but ends the run. `save: false` drops the steps after the newest checkpoint. */
  stop(save: boolean): Promise<void>;
  /**
   * Ends a run as if it had not been asked for: `start` or `resume` rejects with `train/cancelled`. A new run is deleted; one that was to be
   * resumed is at its newest checkpoint, and can be resumed again. Meant for the time before the first step.
   */
  cancelRun(): Promise<void>;
  /** Id of the run that another worker trains now, in this tab or another; null when none does. */
  trainingElsewhere(): Promise<string | null>;

  runs(): Promise<readonly RunView[]>;
  history(runId: string): Promise<RunHistory>;
  /** The training examples of a run that a run which carries it on can replay; null when its data are not in this browser. */
  oldData(runId: string): Promise<OldData | null>;
  renameRun(runId: string, name: string): Promise<void>;
  /** Keeps what the user wrote about a run; an empty text removes it. */
  noteRun(runId: string, notes: string): Promise<void>;
  /**
   * Keeps the temperature that calibrates the classifier of a checkpoint; null removes it. Predictions and exported files have it, measurements
   * do not.
   */
  calibrateRun(runId: string, step: number, calibration: Omit<StoredCalibration, 'step'> | null): Promise<void>;
  deleteRun(runId: string): Promise<void>;
  /**
   * Prompts of a run's data for blind pairs, up to `most`, each once: of the rows that it held out, then of those that the run held out that
   * it carries on, then of those that it was trained on. The run's model must be loaded. Throws `store/corrupt` when its data are not kept.
   */
  pairPrompts(runId: string, most: number): Promise<readonly PairPrompt[]>;
  /** Keeps what was chosen in blind pairs with the checkpoint at `step`; null forgets it. */
  keepPairs(runId: string, step: number, pairs: Omit<StoredPairs, 'step'> | null): Promise<void>;

  /**
   * Continues or answers with the base (`adapter` null) or with a run's adapter. The run's model must be loaded. `onText` gets
   * the whole text so far. Throws `data/too-long` when the prompt leaves no room for an answer.
   */
  generate(adapter: AdapterChoice | null, request: GenerateRequest, onText: (text: string) => void): Promise<GenerateResult>;
  /**
   * Lets the loaded model answer several requests, some at a time: the answers in their order, null for those that were not complete when
   * `cancelGenerate` was called or another model was loaded. `onAnswer` gets the index of a request and its answer once that is complete.
   * One that leaves no room for an answer is empty, and `full`.
   */
  answerAll(
    requests: readonly GenerateRequest[],
    onAnswer: (index: number, result: GenerateResult) => void,
  ): Promise<readonly (GenerateResult | null)[]>;
  /**
   * What the classifier of a run predicts for a text, or the score of an answer. The run's model must be loaded. Throws `train/state`
   * for a run that writes text, `data/no-examples` for a text that can't be encoded.
   */
  predict(run: AdapterChoice, request: PredictRequest): Promise<Prediction>;
  /** Cancels the answers requested before this call. */
  cancelGenerate(): Promise<void>;
  /**
   * Loss and metrics of a run's checkpoint or of its base, on what the run held out or on other examples, measured as the run itself
   * does. The run's model must be loaded. `onBatch` gets the batches done. Null when it was cancelled or a run started. Throws
   * `train/state` while a run trains and for the base of a classifier, `data/no-examples` when nothing is held out, `data/columns` for
   * data with other targets, and `store/corrupt` when the run's data are not kept.
   */
  measure(request: MeasureRequest, onBatch: (done: number, total: number) => void): Promise<Measurement | null>;
  /**
   * What the classifier or regressor of a run computes for each text of a dataset of `encodeTexts`. Progress and errors are those of
   * `measure`; `train/state` for a run that writes text.
   */
  predictRows(request: PredictRowsRequest, onBatch: (done: number, total: number) => void): Promise<ExampleOutputs | null>;
  /** Cancels the measurements and the predictions of rows requested before this call. */
  cancelMeasure(): Promise<void>;
  /**
   * Keeps an adapter in PEFT's format as a run on an inspected model: its files, without a folder, or a zip. `name`: of the folder. Throws
   * one error with all that is wrong: `model/files`, `model/unsupported`, `model/config`, `model/weights`.
   */
  importAdapter(modelId: string, files: readonly File[], name: string | null): Promise<RunView>;
  /**
   * Keeps the adapters of several runs, combined to one, as a run. Throws `recipe/invalid` with all that hinders it: they must be LoRA
   * adapters of one model that write text.
   */
  combineAdapters(request: CombineRequest): Promise<RunView>;
  /** The kinds of files that a run can be saved as, and what hinders the others. */
  exports(runId: string): Promise<ExportOffer>;
  /**
   * The run at `step` (newest when null) as files of that kind. `onBytes` gets the bytes that are on disk, where files are written there.
   * Throws `train/state` when it can't be saved as them, `store/corrupt` when its data are needed and not kept, `store/quota`.
   */
  exportRun(
    runId: string,
    step: number | null,
    kind: ExportKind,
    options?: ExportOptions,
    onBytes?: (done: number, total: number) => void,
  ): Promise<readonly ExportedFile[]>;
}

/** The page of a hub; see workers/hub-page.ts. It asks one hub, and nothing before a method is called. Throws coded errors. */
export interface HubApi {
  /** The token of the user's account, which stays in memory; null for none. */
  setToken(token: string | null): Promise<void>;
  /** Models whose names contain the words. */
  search(words: string): Promise<readonly Hit[]>;
  /** Looks a model up: its commit, its files, its configuration and the headers of its weights. */
  plan(ref: ModelRef): Promise<HubPlan>;
  /**
   * Downloads the files of a model, from what is stored of them, and checks them. Resolves with the key of the download. Rejects with
   * `train/cancelled` after `pause`; a further call goes on.
   */
  download(plan: HubPlan, onProgress: (progress: DownloadProgress) => void): Promise<string>;
  /** Stops the download; what is stored stays. */
  pause(): Promise<void>;
}

export type { LeakReport } from '../src/batch/leak-report';
/** The page that fetches a file from an address; see workers/address-page.ts. Nothing is asked before `fetch` is called. */
export interface AddressApi {
  ready(): Promise<void>;
  /** `onBytes` gets the bytes that are there and those of the whole file, null where the server does not say. Throws coded errors. */
  fetch(address: string, onBytes: (done: number, total: number | null) => void): Promise<RemoteFile>;
  /** Ends the download: `fetch` rejects with `train/cancelled`. */
  cancel(): Promise<void>;
}

export type { DatasetEncoding, EncodedDataset, EncodedSplit, EncodedStats, PartCounts, SlotPlan } from '../src/batch/types';
export type { CombinedFrom, MappedColumns, ParentRun, RunPrompt, RunShot } from '../src/checkpoint/types';
export type { Cleaning } from '../src/dataset/dataset';
export type { DataFacts } from '../src/advice';
export type * from '../src/dataset/look/answers';
export type * from '../src/dataset/look/types';
export type * from '../src/dataset/look/row-views';
export type { DatasetUse, KeptDataset, KeptFile } from '../src/dataset/kept';
export type { TaughtRow, TaughtRows, TeachingWish } from '../src/dataset/taught';
export type * from '../src/teaching/types';
export type { SavedData, SaveKind } from '../src/dataset/save';
export type { FileRows } from '../src/dataset/table';
export type * from '../src/dataset/synthetic/types';
export type * from '../src/dataset/types';
export type * from '../src/feedback/types';
export type { Lifeline } from './lifeline';
export type { LabelShape } from '../src/dataset/labelled';
export type { Target } from '../src/encoding/encoding';
export type { BaseReference, ExportChoice, ExportKind } from '../src/export';
export type { ExportedFile, WeightType } from '../src/export/types';
export type { ModelRef } from '../src/core/hub';
export type { DownloadProgress } from '../src/hub/download';
export type { StoredDownload } from '../src/hub/downloads';
export type { Hit, HubPlan } from '../src/hub/types';
export type { CachedModel } from '../src/model/cache';
export type { LoadProgress, ModelOutline, ModelSource, ModelView, Starter, Verification } from '../src/model/types';
export type { ExamplePreview, PreviewToken, TokenizerFiles } from '../src/tokenizer/types';
export type * from '../src/train/types';
