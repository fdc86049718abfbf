/** What a run reports while it goes, and what is kept of it. Plain data, crosses worker boundaries. */

import type { EncodedDataset } from '../batch/types';
import type { CheckpointInfo, EvalRow, RunPrompt, RunRecord } from '../checkpoint/types';
import type { Message } from '../dataset/types';
import type { RematPolicy } from '../graph/remat';
import type { Recipe } from '../recipe/recipe';

/** Our kernels on WebGPU, tfjs's kernels on WebGPU, or tfjs's on the processor. */
export type ExecutorKind = 'webgpu' | 'tfjs-webgpu' | 'wasm';

export interface DeviceOptions {
  /** For tests: optional features of the GPU whose check fails; `base` stands for our kernels without any of them. */
  readonly faulty?: readonly string[];
  /** Time tiles on a software adapter too, where the static choice is known to be good. */
  readonly tune?: boolean;
  /** For tests: treat a software adapter as a real GPU. */
  readonly software?: boolean;
}

/** The machine that trains, as the page shows it. */
export interface DeviceView {
  readonly executor: ExecutorKind;
  /** Adapter name, e.g. `NVIDIA ampere` or `SwiftShader`; for wasm `CPU (WebAssembly)`. */
  readonly adapter: string;
  /** The WebGPU adapter is software or missing: training runs, slowly. */
  readonly software: boolean;
  /** Why our kernels on WebGPU are not used, in a sentence or two; null when they are. */
  readonly reason: string | null;
  readonly features: readonly string[];
  /** Sentences on what the driver offers and is not used. */
  readonly notes: readonly string[];
  /** Tiles found fastest so far, by matrix product; see src/train/tune.ts. */
  readonly tiles: Readonly<Record<string, string>>;
  /** Largest buffer of the GPU, in bytes; null for wasm. */
  readonly maxBufferBytes: number | null;
}

/** Memory of a run in bytes, known before anything is loaded. `total` is the sum of the parts. */
export interface MemoryForecast {
  readonly weights: number;
  readonly adapter: number;
  /** Moments and gradient sums. */
  readonly optimizer: number;
  /** Temporaries and scratch of whichever program needs most: they share it. */
  readonly activations: number;
  /** Inputs of a step and tables of its positions. */
  readonly batch: number;
  /** Cache of keys and values, and inputs of decoding. */
  readonly sampling: number;
  /** Buffers that results are read back through, the adapter's for a checkpoint among them. */
  readonly reading: number;
  readonly total: number;
  /** What is kept of the forward pass for the backward pass. */
  readonly remat: RematPolicy;
  /** Share of a step's operations that make again what was not kept. */
  readonly recomputed: number;
}

/** Memory and length of a run. */
export interface Forecast extends MemoryForecast {
  /** Trainable parameters. */
  readonly trainable: number;
  readonly steps: number;
  readonly tokensPerStep: number;
}

/** What a run is started with. */
export interface RunSetup {
  readonly name: string;
  /** The model to train, which must be the one that is loaded. */
  readonly modelId: string;
  readonly recipe: Recipe;
  readonly dataset: EncodedDataset;
  readonly datasetName: string;
  /** Prompts of the data, stored with the run so that it can be tried when the file is closed. May be empty. */
  readonly prompts: readonly RunPrompt[];
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
  /** What multiplied the gradients; only where activations are f16. */
  readonly lossScale?: number;
  /** The gradients overflowed under that scale: the step changed nothing, and the next has half of it. Comes with `lossScale`. */
  readonly skipped?: boolean;
  readonly tokensPerSecond: number;
  /** Seconds of training so far, pauses not counted. */
  readonly seconds: number;
  readonly epoch: number;
}

export interface SampleRow {
  readonly step: number;
  readonly prompt: string;
  readonly text: string;
}

export type CheckpointView = CheckpointInfo;
export type { EvalRow };

/** A run as the list shows it. */
export interface RunView extends Omit<RunRecord, 'status' | 'layers'> {
  readonly status: RunStatus;
  readonly checkpoints: readonly CheckpointView[];
}

export interface RunHistory {
  readonly steps: readonly StepRow[];
  readonly evals: readonly EvalRow[];
  readonly samples: readonly SampleRow[];
}

export type TrainEvent =
  | ({ readonly type: 'step' } & StepRow)
  | ({ readonly type: 'eval' } & EvalRow)
  | ({ readonly type: 'sample' } & SampleRow)
  | { readonly type: 'checkpoint'; readonly checkpoint: CheckpointView }
  | { readonly type: 'status'; readonly status: RunStatus; readonly run: RunView }
  /** What the run does now, other than stepping: compiling, measuring, sampling, saving. `total` 0 when `done` is not counted. */
  | { readonly type: 'phase'; readonly message: string; readonly done: number; readonly total: number }
  /** Something to know that does not stop the run (storage full, device lost and restored). */
  | { readonly type: 'notice'; readonly code: string; readonly message: string }
  | { readonly type: 'memory'; readonly bytes: number }
  | ({ readonly type: 'work' } & Work);

/** What training costs the device, beside what the device can do. */
export interface Work {
  /** Operations for each token of a full batch: forward, backward and update. */
  readonly flopsPerToken: number;
  /** f32 operations per second that the device can do at most, as measured. */
  readonly peak: number;
}

export interface GenerateRequest {
  /** A conversation to be answered, a text to be continued as it stands, or tokens to be continued. */
  readonly prompt: { readonly messages: readonly Message[] } | { readonly text: string } | { readonly ids: readonly number[] };
  readonly maxTokens: number;
  /** 0 takes the likeliest token each time. */
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
}

export interface GenerateResult {
  readonly promptIds: readonly number[];
  readonly ids: readonly number[];
  readonly text: string;
  readonly stopped: 'end' | 'length' | 'cancelled';
  readonly tokensPerSecond: number;
}
