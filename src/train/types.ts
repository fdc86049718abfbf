/** Types of the training worker's API: plain data that crosses worker boundaries. */

import type { EncodedDataset, EncodedStats } from '../batch/types';
import type {
  CheckpointInfo,
  EarlyStop,
  EvalRow,
  MappedColumns,
  RunPrompt,
  RunRecord,
  RunShot,
  StoredCalibration,
  StoredFeedback,
  StoredPairs,
} from '../checkpoint/types';
import type { Message } from '../dataset/types';
import type { BaseReference, ExportChoice } from '../export';
import type { WeightType } from '../export/types';
import type { Effort } from '../graph/pace';
import type { RematPolicy } from '../graph/remat';
import type { CombinationSettings } from '../recipe/combinations';
import type { BasePrecision, Recipe } from '../recipe/recipe';
import type { TaskKind } from '../recipe/tasks';

/** Our kernels on WebGPU or on the processor (WebAssembly), or tfjs's on either. */
export type ExecutorKind = 'webgpu' | 'wasm' | 'tfjs-webgpu' | 'tfjs-wasm';

export interface DeviceOptions {
  /**
   * For tests: optional features of the GPU whose check fails, `base` for our kernels without any of them, or builds of the kernels for
   * the processor.
   */
  readonly faulty?: readonly string[];
  /** Time tiles also on a software adapter, where the static choice is known to be good. */
  readonly tune?: boolean;
  /** For tests: treat a software adapter as a real GPU. */
  readonly software?: boolean;
}

/** The device that trains, as the page shows it. */
export interface DeviceView {
  readonly executor: ExecutorKind;
  /** Adapter name, e.g. `NVIDIA ampere` or `SwiftShader`; for wasm `CPU (WebAssembly)`. */
  readonly adapter: string;
  /** The WebGPU adapter is software or missing: training runs, slowly. */
  readonly software: boolean;
  /** Why our kernels on WebGPU are not used, in a sentence or two; null when they are. */
  readonly reason: string | null;
  readonly features: readonly string[];
  /** Sentences about features that the driver offers and that are not used. */
  readonly notes: readonly string[];
  /** The fastest tiles found so far, by matrix product; see src/train/tune.ts. */
  readonly tiles: Readonly<Record<string, string>>;
  /** Largest buffer of the GPU, in bytes; null for wasm. */
  readonly maxBufferBytes: number | null;
}

/** Memory of a run in bytes, computed before anything is loaded. `total` is the sum of the parts. */
export interface MemoryForecast {
  readonly weights: number;
  readonly adapter: number;
  /** AdamW moments, accumulated gradients, and the average of the parameters where one is kept. */
  readonly optimizer: number;
  /** Temporaries and scratch of the program that needs most; the programs share them. */
  readonly activations: number;
  /** Inputs of a step, and rotary tables. */
  readonly batch: number;
  /** KV cache, and inputs of decoding. */
  readonly sampling: number;
  /** Staging buffers for reading back results, and the adapter for a checkpoint. */
  readonly reading: number;
  readonly total: number;
  /** Which activations are kept for the backward pass. */
  readonly remat: RematPolicy;
  /** Share of a step's operations that recompute activations. */
  readonly recomputed: number;
  readonly efforts: Efforts;
}

/** What a device reached; rates per second. */
export interface DeviceReport {
  /** f32 operations, as multiply-adds in registers; null where that is not known. */
  readonly peak: number | null;
  /** Operations of a product, bytes of large sums, and seconds that a node takes besides; see src/graph/pace.ts. */
  readonly flops: number;
  readonly bytes: number;
  readonly node: number;
  /** Products of activations [rows, size] and weights [size, size] in f16: operations per second. */
  readonly products: readonly { readonly rows: number; readonly size: number; readonly flops: number }[];
  /** A training step: its time, tokens and operations. */
  readonly step: { readonly seconds: number; readonly tokens: number; readonly flops: number };
}

/** What the programs of a run cost; see src/graph/pace.ts. */
export interface Efforts {
  readonly step: Effort;
  /** A held-out batch; of the base, unless a run measures none. */
  readonly evaluate: Effort;
  readonly evaluateBase: Effort | null;
  /** Some tokens of a prompt, and a token of all samples of a round; null where nothing is sampled. */
  readonly decode: { readonly prompt: Effort; readonly token: Effort } | null;
}

/** Memory and steps of a run. */
export interface Forecast extends MemoryForecast {
  /** Trainable parameters. */
  readonly trainable: number;
  readonly steps: number;
  readonly tokensPerStep: number;
  /** Seconds from the first step to the end; null until the pace of the device is known. */
  readonly seconds: number | null;
  /** Of a step; by a usual pace while that of the device is not known, so that methods can be compared. */
  readonly stepSeconds: number;
  /** Bytes of the exported weights. */
  readonly fileBytes: number;
}

/** What is known of a model that is not on this device. */
export interface OutlineForecast {
  readonly family: string;
  readonly parameters: number;
  readonly context: number;
  /** A run with it; null when it can't be. */
  readonly forecast: Omit<Forecast, 'fileBytes'> | null;
  /** Why there is no forecast, in a sentence. */
  readonly problem: string | null;
}

/** A model whose predictions are learnt, by its id, and how its weights are stored on the device. */
export interface TeacherChoice {
  readonly modelId: string;
  readonly precision: BasePrecision;
}

/** A model that is on this device, as a teacher of another. */
export interface TeacherView {
  readonly id: string;
  readonly name: string;
  /** Of its weight files. */
  readonly bytes: number;
  readonly parameters: number;
  /** It writes text; an encoder does not. */
  readonly writes: boolean;
  /** It can be asked in chats; else it continues texts. */
  readonly chats: boolean;
  /** Why the other model can't learn from its predictions, in a sentence or two; null when it can. */
  readonly problem: string | null;
}

/** What a forecast needs of the data. */
export type DataSize = Pick<EncodedStats, 'packedTokens' | 'slots' | 'parts'>;

/** What a run is started with. */
export interface RunSetup {
  readonly name: string;
  /** The model to train, which must be the one that is loaded. */
  readonly modelId: string;
  readonly recipe: Recipe;
  readonly dataset: EncodedDataset;
  readonly datasetName: string;
  /** SHA-256 of the file of the data, hex, by which it is found where it is kept. */
  readonly fileHash?: string;
  /** Data that are mixed into `dataset`, which the mixture of the recipe names in this order; absent without one. */
  readonly mixed?: readonly EncodedDataset[];
  /** Prompts of the data, stored with the run so that it can be tried when the file is closed. May be empty. */
  readonly prompts: readonly RunPrompt[];
  /** Examples of its training part, stored with the run so that the base can be prompted with them when the file is closed. */
  readonly shots?: readonly RunShot[];
  /** How the columns of the data were used, stored with the run so that other files are read in the same way. */
  readonly columns?: MappedColumns;
  /** The data of the run that the recipe starts from, where the store does not have them: for replay, and to measure what is forgotten. */
  readonly old?: EncodedDataset;
  /** Of an objective that learns from one: a model that was inspected or is kept in this browser. */
  readonly teacher?: TeacherChoice;
  /** The data are ratings of answers. */
  readonly feedback?: StoredFeedback;
}

/** A prompt of a run's data, as its training read it. */
export interface PairPrompt {
  /** The user's last turn. */
  readonly shown: string;
  readonly ids: readonly number[];
  /** The run was not trained on its row. */
  readonly heldOut: boolean;
}

/** What there is to replay of a run's data. */
export interface OldData {
  /** Training examples, and their tokens. */
  readonly examples: number;
  readonly tokens: number;
}

/** Adapters to combine to one, and how. */
export interface CombineRequest extends CombinationSettings {
  readonly name: string;
  /** At least two; `step` null takes the newest checkpoint. */
  readonly of: readonly (AdapterChoice & { readonly weight: number })[];
}

/** A run's adapter at one checkpoint. */
export interface AdapterChoice {
  readonly runId: string;
  /** The checkpoint's step; null for the newest one, or for the adapter in training while the run trains. */
  readonly step: number | null;
}

export type RunStatus = 'running' | 'paused' | 'stopped' | 'finished' | 'failed' | 'interrupted';

export interface StepRow {
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Not finite in a step that was skipped. */
  readonly gradNorm: number;
  /** The loss scale of the step; only with f16 activations. */
  readonly lossScale?: number;
  /** The gradients overflowed under that scale: the step changed nothing, and the scale is halved. Present with `lossScale`. */
  readonly skipped?: boolean;
  /** What the objective reports beside the loss, by name; rewards of preference objectives have TRL's names. Absent where there is nothing. */
  readonly figures?: Readonly<Record<string, number>>;
  readonly tokensPerSecond: number;
  /** Seconds of training so far, without pauses. */
  readonly seconds: number;
  readonly epoch: number;
  /** Seconds from this step to the end of the run, with measurements, samples and checkpoints. Runs of earlier versions have none. */
  readonly left?: number;
}

export interface SampleRow {
  readonly step: number;
  readonly prompt: string;
  readonly text: string;
}

export type CheckpointView = CheckpointInfo;
export type { EarlyStop, EvalRow, StoredCalibration, StoredFeedback, StoredPairs };

/** A run as the page lists it. */
export interface RunView extends Omit<RunRecord, 'status' | 'format' | 'parameters'> {
  readonly status: RunStatus;
  readonly checkpoints: readonly CheckpointView[];
  /** Seconds of training so far, without pauses; null before the first step. */
  readonly seconds: number | null;
  /** What the newest measurement reports beside the loss, by name (see `EvalRow`); null where it reports nothing. */
  readonly metrics: Readonly<Record<string, number>> | null;
}

export interface RunHistory {
  readonly steps: readonly StepRow[];
  readonly evals: readonly EvalRow[];
  readonly samples: readonly SampleRow[];
}

export type TrainEvent =
  | ({ readonly type: 'step' } & StepRow)
  | ({ readonly type: 'eval' } & EvalRow)
  /** The base's held-out loss, and that of each dataset of a mixture. */
  | ({ readonly type: 'base' } & Pick<EvalRow, 'loss' | 'sources'>)
  | ({ readonly type: 'sample' } & SampleRow)
  | { readonly type: 'checkpoint'; readonly checkpoint: CheckpointView }
  | { readonly type: 'status'; readonly status: RunStatus; readonly run: RunView }
  /** What the run does now, other than stepping: compiling, measuring, sampling, saving. `total` 0 when `done` is not counted. */
  | { readonly type: 'phase'; readonly message: string; readonly done: number; readonly total: number }
  /** A problem that does not stop the run (storage full, device lost and replaced). */
  | { readonly type: 'notice'; readonly code: string; readonly message: string }
  | { readonly type: 'memory'; readonly bytes: number }
  | ({ readonly type: 'work' } & Work);

/** The cost of training, and the peak rate of the device. */
export interface Work {
  /** Operations per token of a full batch: forward, backward and update. */
  readonly flopsPerToken: number;
  /** Measured peak of f32 operations per second. */
  readonly peak: number;
}

/** What a run can be saved as. */
export interface ExportOffer {
  readonly choices: readonly ExportChoice[];
  /** What programs load the base by. */
  readonly base: BaseReference;
  /** Numbers that a classifier gives for a text; 0 for a run that writes text. */
  readonly outputs: number;
}

export interface ExportOptions {
  /** Of the weights of a whole model; F32 when absent. */
  readonly weightType?: WeightType;
  /** A folder on disk into which the files are written; they are in the browser's storage or in memory when absent. */
  readonly into?: FileSystemDirectoryHandle;
}

export interface GenerateRequest {
  /** A conversation to answer, or a text or tokens to continue. */
  readonly prompt: { readonly messages: readonly Message[] } | { readonly text: string } | { readonly ids: readonly number[] };
  readonly maxTokens: number;
  /** 0 is greedy decoding. */
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
}

/** A text to classify, or two; or a question with an answer to score. */
export interface PredictRequest {
  readonly text: string;
  /** The second text of a pair, or the answer; null for one text. */
  readonly second: string | null;
  /** The system message before the question; absent without one. */
  readonly system?: string;
}

export interface Prediction {
  readonly kind: TaskKind;
  /** Of the classes or labels, by index; empty for numbers and scores. */
  readonly names: readonly string[];
  /** The probabilities of the classes, whose sum is 1; that of each label; numbers; or the score. */
  readonly values: readonly number[];
}

export interface GenerateResult {
  readonly promptIds: readonly number[];
  readonly ids: readonly number[];
  readonly text: string;
  /** `full`: prompt and answer have as many tokens as the model can read. */
  readonly stopped: 'end' | 'length' | 'full' | 'cancelled';
  readonly tokensPerSecond: number;
  /** The most tokens of prompt and answer together. */
  readonly context: number;
}

/** What is measured, and on what. */
export interface MeasureRequest extends AdapterChoice {
  /**
   * `tuned`: the checkpoint; `start`: what the run started from, of a run that carries on another one; `base`: the model without what was
   * trained, which has no classifier; `prompted`: the base that reads the examples which the run keeps for it before each row.
   */
  readonly which: 'tuned' | 'start' | 'base' | 'prompted';
  /**
   * Examples that were encoded for the run, all of which are used. `held-out`: what the run held out, as its own measurements did. `test`: all
   * test rows of its data. `old`: what the run that it carries on held out, as that run measured it. `{ text }`: encoded texts, measured as
   * next-token prediction whatever the run learns.
   */
  readonly dataset: EncodedDataset | 'held-out' | 'test' | 'old' | { readonly text: EncodedDataset };
}

export interface Measurement extends Pick<EvalRow, 'loss' | 'metrics' | 'confusion' | 'sources'> {
  /** Examples that were measured. */
  readonly rows: number;
  /** Examples that there are: runs with many held-out examples measure a sample of them. */
  readonly of: number;
  /** Of a classifier or regressor: each example that was measured. */
  readonly examples?: MeasuredExamples;
  /** Of the base that was prompted with examples: how many it read before each row. */
  readonly shots?: number;
}

/** What a classifier or regressor computes for R examples: K outputs each, in the order of their lines. */
export interface ExampleOutputs {
  /** [R]: lines in the file. */
  readonly lines: Uint32Array<ArrayBuffer>;
  /** [R, K]: logits of classes or labels, or numbers. The temperature of a calibration is not applied. */
  readonly outputs: Float32Array<ArrayBuffer>;
}

/** Examples with what is true of them. */
export interface MeasuredExamples extends ExampleOutputs {
  /** [R]: the class; [R, K]: a flag for each label, or numbers. */
  readonly truth: Float32Array<ArrayBuffer>;
  /** [R]: the text as the model read it: within the sequence length, without special tokens. */
  readonly texts: readonly string[];
}

/** Texts that were encoded for a run, whose labels are not known, and the checkpoint that predicts them. */
export interface PredictRowsRequest extends AdapterChoice {
  readonly dataset: EncodedDataset;
}

/** What the answers that the data have are rewarded with: scores in the order of the rewards, before their weights; totals with them. */
export interface RewardPreview {
  /** Answers that were scored. */
  readonly answers: number;
  readonly means: readonly number[];
  readonly mean: number;
  readonly rows: readonly PreviewedAnswer[];
}

export interface PreviewedAnswer {
  readonly prompt: string;
  readonly answer: string;
  readonly scores: readonly number[];
  readonly total: number;
}
