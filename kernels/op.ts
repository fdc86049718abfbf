/**
 * The contract of an operation. An op is one object that holds everything known about it: shape rule, gradient rule, twin,
 * cost and launch geometry. An op that lacks one of them does not compile.
 *
 * Shape letters used in all ops: B rows of a batch, T tokens of a row, M = B·T, C width, H heads, D head size,
 * V vocabulary, R rank, F feed-forward. A gradient is `d` + name.
 */

import type { Tensor } from '@tensorflow/tfjs-core';
import type { DType } from '../src/core/dtype';
import type { Shape } from '../src/core/shape';
import type { Target } from '../src/gpu/device';
import type { Shader } from '../src/gpu/shader';

export type { Target };

export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * frozen: weights, uploaded once. trainable: the adapter. state: lives across steps and is updated in place.
 * input: written by the host before a run. temp: made by a node.
 */
export type Role = 'frozen' | 'trainable' | 'state' | 'input' | 'temp';

export interface Value extends Spec {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  /** A window on a flat value: `offset` elements in. Adapter tensors are views of one buffer. */
  readonly view?: { readonly of: Value; readonly offset: number };
}

/** Adds nodes to a graph. */
export interface Builder {
  apply<A extends object>(op: Op<A>, inputs: readonly (Value | null)[], attrs: A): readonly Value[];
}

/** Inputs and outputs of one use of an op. A `null` input is an optional one left out. */
export interface Use<S extends Spec = Spec> {
  readonly inputs: readonly (S | null)[];
  readonly outputs: readonly S[];
}

export interface Cost {
  /** Arithmetic operations; a multiply-add counts two. */
  readonly flops: number;
  /** Bytes that must cross the memory bus at least: each input and output once. */
  readonly bytes: number;
}

/** A buffer of a dispatch: an input or output of the use, or scratch memory of the launch. Optionally a byte range of it. */
export interface Binding {
  readonly from: 'input' | 'output' | 'scratch';
  readonly index: number;
  readonly access: 'read' | 'write';
  /** Byte offset (a multiple of 256) and length; the whole buffer when absent. */
  readonly range?: { readonly offset: number; readonly size: number };
  /** It holds f16: see tensors.ts. */
  readonly f16?: boolean;
}

export interface Dispatch {
  readonly shader: Shader;
  /** The i-th entry is `@group(0) @binding(i)`; 'write' is `var<storage, read_write>`. No byte may appear twice, and no buffer both ways. */
  readonly bindings: readonly Binding[];
  readonly workgroups: readonly [number, number, number];
}

export interface Launch {
  /** Bytes of each scratch buffer. Contents are undefined at the start. */
  readonly scratch: readonly number[];
  /** Run in this order, each seeing what those before it wrote. */
  readonly dispatches: readonly Dispatch[];
}

/** Gives the cotangent of each input (null where there is none), in terms of other ops. `wanted[i]` says which are needed. */
export type Gradient<A extends object> = {
  // A method, so that ops of different attributes fit one table (method parameters are bivariant).
  rule(
    builder: Builder,
    use: Use<Value> & { readonly attrs: A },
    cotangents: readonly (Value | null)[],
    wanted: readonly boolean[],
  ): readonly (Value | null)[];
}['rule'];

/** The places of activations, which the planner may store in f16. All others are f32. */
export interface F16Support {
  /** Inputs that may be in either. */
  readonly inputs: readonly number[];
  /** Outputs that may be in f16, whose rows are whole groups of four. */
  readonly outputs: readonly number[];
}

export interface Op<A extends object = object> {
  readonly name: string;
  /** Specs of the outputs; throws an `internal:` error that prints the shapes when the inputs do not fit. */
  infer(inputs: readonly (Spec | null)[], attrs: A): readonly Spec[];
  /** `updates[i]` is the input whose buffer output i overwrites; absent for ops without side effects. */
  readonly updates?: readonly number[];
  /** `null` when no derivative is defined (optimizers, decoding, backward ops); asking for it is an engine bug. */
  readonly gradient: Gradient<A> | null;
  /** The same mathematics in plain tfjs ops: oracle of the kernel, and the engine where there is no GPU. */
  twin(inputs: readonly (Tensor | null)[], attrs: A): Tensor[];
  /**
   * Absent: everything is f32. Graphs are built, and differentiated, in f32; then the planner asks this of each node in order, the
   * types of its inputs settled.
   */
  f16?(use: Use, attrs: A): F16Support;
  cost(use: Use, attrs: A): Cost;
  launch(use: Use, attrs: A, target: Target): Launch;
}
