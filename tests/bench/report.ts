/** The benchmark's report as plain data: the JSON of `npm run bench -- --json`. */

import type { ActivationPrecision, BasePrecision } from '../../src/recipe/recipe';

/** Models whose shapes are in tests/models.ts. That file imports shaders, which the script of the benchmark cannot. */
export const MODEL_NAMES = [
  'SmolLM2-135M',
  'SmolLM2-360M',
  'Qwen2.5-0.5B',
  'Qwen3-0.6B',
  'Llama-3.2-1B',
  'TinyLlama-1.1B',
] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

/** Milliseconds of one execution: the median of several samples and their spread. */
export interface Timing {
  readonly ms: number;
  /** (slowest − fastest) / median. */
  readonly spread: number;
  readonly samples: number;
}

/** A rate of the device with the spread of its samples. */
export interface PeakRate {
  readonly value: number;
  readonly spread: number;
  /** The kernel variant that reached it. */
  readonly variant: string;
}

export interface PeakRates {
  /** f32 operations per second of multiply-adds in registers (a multiply-add counts two). */
  readonly flops: PeakRate;
  /** Bytes per second read and written by a copy of `copyBytes`. */
  readonly bytes: PeakRate;
  readonly copyBytes: number;
}

/** One workload of this engine: measured, and as a share of the peak rates. */
export interface Measured extends Timing {
  readonly flops: number;
  readonly bytes: number;
  /** T* / ms, T* = max(flops/π, bytes/β) summed over the nodes. */
  readonly fraction: number;
  /** Operations per second without recomputation, divided by π: model FLOPs utilisation. */
  readonly utilisation: number;
}

/** The same workload in another library, sampled in turn with ours. */
export interface PeerReport extends Timing {
  readonly name: PeerName;
  /** Median over the rounds of (its time / our time): how many times as fast this engine is. */
  readonly ratio: number;
  /** Largest difference between the two results, relative to the largest entry. */
  readonly deviation: number;
}

export type PeerName = 'tfjs-webgpu' | 'jax-js' | 'tfjs-wasm';

export interface ProductReport {
  readonly name: string;
  readonly kind: 'matmul' | 'lowrank';
  readonly ours: Measured;
  readonly peers: readonly PeerReport[];
}

/** The share of a step that one kind of node takes, its nodes run alone. */
export interface Share {
  readonly name: string;
  readonly nodes: number;
  /** What bounds it: arithmetic or memory; or `recompute` for work that is done a second time. */
  readonly kind: 'compute' | 'memory' | 'recompute';
  readonly ms: number;
  readonly flops: number;
  readonly fraction: number;
}

/** Loss and gradient norm of the first steps, which show that the workload is the same. */
export interface StepFigures {
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
}

export interface StepReport extends StepFigures {
  readonly model: string;
  readonly ours: Measured;
  readonly peers: readonly (PeerReport & StepFigures)[];
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly dispatches: number;
  readonly split: readonly Share[];
}

/** The same step in PyTorch + PEFT, timed in a separate process directly after ours: torch_step.py prints this. */
export interface TorchReport {
  readonly version: string;
  readonly device: string;
  readonly rows: readonly (Timing & { readonly dtype: string; readonly threads: number })[];
}

/** The processor. Timings are those of all threads, then of one thread where there are several. */
export interface ProcessorReport {
  readonly build: string;
  readonly threads: readonly number[];
  readonly peaks: readonly PeakRates[];
  readonly products: readonly { readonly name: string; readonly flops: number; readonly timings: readonly Timing[] }[];
  readonly step: ProcessorStepReport;
  /** The step of a real model's shape, and decoding with it. */
  readonly models: readonly ModelStepReport[];
  readonly decodes: readonly DecodeReport[];
}

/** The step on the processor, and the same step written by hand for tfjs's wasm backend. */
export interface ProcessorStepReport {
  readonly model: string;
  readonly tokens: number;
  readonly flops: number;
  readonly timings: readonly Timing[];
  /** On all threads. */
  readonly split: readonly Share[];
  readonly peer: PeerReport;
}

/** A training step of a real model's shape. */
export interface ModelStepReport {
  readonly name: ModelName;
  readonly base: BasePrecision;
  readonly activations: ActivationPrecision;
  readonly tokens: number;
  readonly ours: Measured;
  readonly tokensPerSecond: number;
  /** All buffers of the run. */
  readonly bytes: number;
}

/** Decoding a batch of prompts. */
export interface DecodeBatch {
  readonly sequences: number;
  /** Prefill of all prompts. */
  readonly prefill: Measured;
  /** One token of every prompt: device time, reading back the logits, and sampling. */
  readonly step: Measured;
}

export interface DecodeReport {
  readonly name: ModelName;
  readonly base: BasePrecision;
  /** Tokens of each prompt, and tokens generated for it. */
  readonly given: number;
  readonly made: number;
  /** Bytes of the cache that all batches share. */
  readonly cacheBytes: number;
  readonly batches: readonly DecodeBatch[];
}

export interface BenchReport {
  readonly date: string;
  readonly adapter: string;
  /** The adapter computes on the CPU: only ratios are meaningful. */
  readonly software: boolean;
  readonly agent: string;
  readonly features: readonly string[];
  readonly peaks: PeakRates;
  readonly products: readonly ProductReport[];
  /** Ops that are limited by memory; empty when they were not requested. */
  readonly ops: readonly Share[];
  readonly step: StepReport | null;
  /** Null where it was not requested, or Python has no torch and peft. */
  readonly torch: TorchReport | null;
  readonly processor: ProcessorReport | null;
  /** The model's step of `processor` on as many threads. */
  readonly processorTorch: TorchReport | null;
  readonly modelStep: ModelStepReport | null;
  readonly decode: DecodeReport | null;
  readonly seconds: number;
}

export interface BenchOptions {
  /** V of the model in the step, and tokens of its batch. */
  readonly vocabulary: number;
  readonly tokens: number;
  /** The model of `model` and `decode`, and its base precision. */
  readonly model: ModelName;
  readonly base: BasePrecision;
  /** Activation precision of `model`. */
  readonly activations: ActivationPrecision;
  /** What to measure. */
  readonly parts: readonly BenchPart[];
}

export const BENCH_PARTS = ['products', 'ops', 'step', 'wasm', 'model', 'decode'] as const;
/** `ops`: norms and elementwise functions, only on request. `wasm`: the processor, not available in Node. `model` and `decode`: a step and decoding with a real model's shape, only on request. */
export type BenchPart = (typeof BENCH_PARTS)[number];
