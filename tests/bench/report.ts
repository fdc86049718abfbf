/** What the benchmark measures, as plain data: the JSON of `npm run bench -- --json`. */

import type { ActivationPrecision, BasePrecision } from '../../src/recipe/recipe';
import type { modelShapes } from '../models';

export type ModelName = keyof typeof modelShapes;

/** Milliseconds of one execution: the median of several samples, and how far they lie apart. */
export interface Timing {
  readonly ms: number;
  /** (slowest − fastest) / median. */
  readonly spread: number;
  readonly samples: number;
}

/** A figure of the device with the spread of its samples. */
export interface Ceiling {
  readonly value: number;
  readonly spread: number;
  /** Which variant of the kernel reached it. */
  readonly variant: string;
}

export interface Ceilings {
  /** f32 operations per second of multiply-adds in registers (a multiply-add counts two). */
  readonly flops: Ceiling;
  /** Bytes per second read and written by a copy of `copyBytes`. */
  readonly bytes: Ceiling;
  readonly copyBytes: number;
}

/** One piece of work by this engine, as measured and as limited by the ceilings. */
export interface Measured extends Timing {
  readonly flops: number;
  readonly bytes: number;
  /** T* / ms, T* = max(flops/π, bytes/β) summed over the nodes. */
  readonly fraction: number;
  /** Operations that are not made twice, a second, by π: model FLOPs utilisation. */
  readonly utilisation: number;
}

/** The same work by another library, sampled in turn with ours. */
export interface PeerReport extends Timing {
  readonly name: PeerName;
  /** Median over the rounds of its time by ours: how many times as fast this engine is. */
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

/** The part of a step that one kind of node takes, its nodes run by themselves. */
export interface Share {
  readonly name: string;
  readonly nodes: number;
  /** What limits it by the ceilings: arithmetic or memory; or work that is done a second time. */
  readonly kind: 'compute' | 'memory' | 'recompute';
  readonly ms: number;
  readonly flops: number;
  readonly fraction: number;
}

/** Loss and gradient norm of the first steps: proof that the work is the same. */
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

/** The same step in PyTorch + PEFT, timed by a process of its own right after ours: torch_step.py prints this. */
export interface TorchReport {
  readonly version: string;
  readonly device: string;
  readonly rows: readonly (Timing & { readonly dtype: string })[];
}

/** The step on the processor beside the same one written by hand with tfjs's wasm backend. */
export interface WasmStepReport {
  readonly model: string;
  readonly ours: Timing;
  readonly tokensPerSecond: number;
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

/** Decoding so many prompts side by side. */
export interface DecodeBatch {
  readonly sequences: number;
  /** All windows of all prompts. */
  readonly prefill: Measured;
  /** A token of every prompt, from one to the next: the device, the logits' way back, and the choice of the token. */
  readonly step: Measured;
}

export interface DecodeReport {
  readonly name: ModelName;
  readonly base: BasePrecision;
  /** Tokens of each prompt, and of what it is continued with. */
  readonly given: number;
  readonly made: number;
  /** Of the cache that all batches share. */
  readonly cacheBytes: number;
  readonly batches: readonly DecodeBatch[];
}

export interface BenchReport {
  readonly date: string;
  readonly adapter: string;
  /** The adapter computes on the CPU: only ratios mean anything. */
  readonly software: boolean;
  readonly agent: string;
  readonly features: readonly string[];
  readonly ceilings: Ceilings;
  readonly products: readonly ProductReport[];
  readonly step: StepReport | null;
  /** Null where it was not asked for, or Python has no torch and peft. */
  readonly torch: TorchReport | null;
  readonly wasmStep: WasmStepReport | null;
  readonly modelStep: ModelStepReport | null;
  readonly decode: DecodeReport | null;
  readonly seconds: number;
}

export interface BenchOptions {
  /** V of the model in the step, and tokens of its batch. */
  readonly vocabulary: number;
  readonly tokens: number;
  /** The model of `model` and `decode`, and how its base is held. */
  readonly model: ModelName;
  readonly base: BasePrecision;
  /** How the activations of `model` are stored. */
  readonly activations: ActivationPrecision;
  /** What to measure. */
  readonly parts: readonly BenchPart[];
}

export const BENCH_PARTS = ['products', 'step', 'wasm', 'model', 'decode'] as const;
/** `wasm` is the step on the processor, which Node has no files for; `model` a step of a real model's shape and `decode` its decoding, only when asked for. */
export type BenchPart = (typeof BENCH_PARTS)[number];
