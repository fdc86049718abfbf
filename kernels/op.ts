/**
 * The contract of an operation. `defineOp` takes everything that is known about an op: its inputs and outputs by name, shape rule,
 * gradient rule, twin, cost and launch. An op that lacks one of them, or misspells a name, does not compile.
 *
 * Shape letters in all ops: B rows of a batch, T tokens of a row, M = B·T, C width, H heads, D head size, V vocabulary, R rank,
 * F feed-forward. The gradient of x is called dx.
 */

import type { Tensor } from '@tensorflow/tfjs-core';
import type { DType } from '../src/core/dtype';
import type { Shape } from '../src/core/shape';
import type { Target } from '../src/gpu/device';
import type { Shader } from '../src/gpu/shader';
import { plainNames, type Each, type Named, type NameOf, type Names } from './lib/named';

export type { Target };

export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * frozen: weights, uploaded once. trainable: the adapter. state: lives across steps and is updated in place.
 * input: written by the host before a run. temp: computed by a node.
 */
export type Role = 'frozen' | 'trainable' | 'state' | 'input' | 'temp';

export interface Value extends Spec {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  /** The flat value that this one is a view of, and the offset in elements. Adapter tensors are views of one buffer. */
  readonly view?: { readonly of: Value; readonly offset: number };
}

/** Inputs and outputs of one use of an op. Optional ones that are absent are null. */
export interface Use<I extends Names = Names, O extends Names = Names, T = Spec> {
  readonly inputs: Named<I, T>;
  readonly outputs: Named<O, T>;
}

/** Appends nodes to a graph. */
export interface Builder {
  /** Applies `op` and returns its outputs. */
  apply<I extends Names, O extends Names, A extends object>(op: Op<I, O, A>, inputs: Named<I, Value>, attrs: A): Named<O, Value>;
}

export interface Cost {
  /** Arithmetic operations; a multiply-add counts as two. */
  readonly flops: number;
  /** The least number of bytes that must cross the memory bus: each input and output once. */
  readonly bytes: number;
}

/** An input or output as a launch sees it: its spec, and which buffer of the use it is. */
export interface Operand extends Spec {
  readonly from: 'input' | 'output';
  /** Position in the op's declared inputs or outputs. */
  readonly index: number;
}

/** A buffer of a dispatch: an input or output of the use, or scratch memory of the launch. Optionally a byte range of it. */
export interface Binding {
  readonly from: 'input' | 'output' | 'scratch';
  readonly index: number;
  readonly access: 'read' | 'write';
  /** Byte offset (a multiple of 256) and length; the whole buffer when absent. */
  readonly range?: { readonly offset: number; readonly size: number };
  /** The buffer holds f16; see lib/tensors.ts. */
  readonly f16?: boolean;
}

export interface Dispatch {
  readonly shader: Shader;
  /**
   * The i-th entry is `@group(0) @binding(i)`; 'write' is `var<storage, read_write>`. No byte may be bound twice, and no buffer may be
   * bound both for reading and for writing.
   */
  readonly bindings: readonly Binding[];
  readonly workgroups: readonly [number, number, number];
}

export interface Launch {
  /** Bytes of each scratch buffer. Their contents are undefined at the start. */
  readonly scratch: readonly number[];
  /** Run in this order; each sees what the earlier ones wrote. */
  readonly dispatches: readonly Dispatch[];
}

/** What a launch on the processor depends on besides the use. */
export interface Processor {
  readonly threads: number;
}

/** The address of a buffer of the use, or of scratch memory of the launch; `offset` in bytes. */
export interface Address {
  readonly from: 'input' | 'output' | 'scratch';
  readonly index: number;
  readonly offset?: number;
}

/**
 * A word of a kernel's arguments: an integer or a flag, an f32, the address of a buffer (0 for null), or the address of a record of
 * further words. The words are the fields of the kernel's class of arguments, in their order.
 */
export type Word = number | boolean | null | { readonly f32: number } | Address | readonly Word[];

/** A kernel for the processor, by the name under which kernels/index.wasm.ts exports it. Threads share its units of work. */
export interface Work {
  readonly kernel: string;
  readonly args: readonly Word[];
  readonly units: number;
}

export interface ProcessorLaunch {
  /** Bytes of each scratch buffer. Their contents are undefined at the start. */
  readonly scratch: readonly number[];
  /** Done in this order; each sees what the earlier ones wrote. No element may depend on how the units are shared. */
  readonly work: readonly Work[];
}

/**
 * The cotangents of an op's outputs. A gradient rule is only called when at least one output has a cotangent, so that of an op with
 * one output is never null.
 */
export type Cotangents<O extends Names> = O extends readonly [string] ? Named<O, Value> : Each<O, Value | null>;

/**
 * Appends the nodes that compute the cotangents of the inputs, and returns them; null for an input that is not wanted or that the
 * outputs with a cotangent do not depend on. `wanted` says which inputs need one.
 */
export type Gradient<I extends Names, O extends Names, A extends object> = {
  // A method, so that ops with different names and attributes fit one table (method parameters are bivariant).
  rule(
    builder: Builder,
    use: Use<I, O, Value> & { readonly attrs: A },
    cotangents: Cotangents<O>,
    wanted: Each<I, boolean>,
  ): Each<I, Value | null>;
}['rule'];

/** The activations that an op reads and writes in f16 as well as in f32. Everything else is f32. */
export interface F16Support<I extends Names = Names, O extends Names = Names> {
  readonly inputs: readonly NameOf<I>[];
  /** Only outputs whose rows are a multiple of four elements. */
  readonly outputs: readonly NameOf<O>[];
}

/** What an op consists of besides the names of its inputs and outputs. */
interface Rules<I extends Names, O extends Names, A extends object> {
  readonly name: string;
  /** Outputs that overwrite the buffer of the input with the same name. Absent for ops without side effects. */
  readonly updates?: readonly (NameOf<I> & NameOf<O>)[];
  /** Specs of the outputs. Throws an `internal:` error that prints the shapes when the inputs do not fit. */
  infer(inputs: Named<I, Spec>, attrs: A): Named<O, Spec>;
  /** Null when no derivative is defined (optimizers, decoding, backward ops); to ask for it is an engine bug. */
  readonly gradient: Gradient<I, O, A> | null;
  /** The same mathematics in plain tfjs ops: the oracle of the kernel, and the engine where there is no GPU. */
  twin(inputs: Named<I, Tensor>, attrs: A): Named<O, Tensor>;
  /**
   * Which activations may be f16; all f32 when absent. Graphs are built and differentiated in f32. The planner then asks each node in
   * order, when the types of its inputs are settled.
   */
  f16?(use: Use<I, O>, attrs: A): F16Support<I, O>;
  cost(use: Use<I, O>, attrs: A): Cost;
  launch(use: Use<I, O, Operand>, attrs: A, target: Target): Launch;
  /** The launch on the processor. Activations in f16 are f32 here, rounded. Where it is absent, the twin runs. */
  processor?(use: Use<I, O, Operand>, attrs: A, processor: Processor): ProcessorLaunch;
}

export interface Op<I extends Names = Names, O extends Names = Names, A extends object = object> extends Rules<I, O, A> {
  /** Names in the order of a node's inputs and of `Binding.index`. */
  readonly inputs: readonly NameOf<I>[];
  readonly outputs: readonly NameOf<O>[];
}

/** An op as its file defines it. */
export interface Definition<I extends Names, O extends Names, A extends object> extends Rules<I, O, A> {
  /** Names of the inputs; `name?` is optional. */
  readonly inputs: I;
  /** Names of the outputs; optional ones come last. */
  readonly outputs: O;
}

/** Defines an op with attributes `A`: `defineOp<A>()({ name, inputs, outputs, … })`. All rules get their records typed by the names. */
export function defineOp<A extends object = object>() {
  return <const I extends Names, const O extends Names>(definition: Definition<I, O, A>): Op<I, O, A> => ({
    ...definition,
    inputs: plainNames(definition.inputs),
    outputs: plainNames(definition.outputs),
  });
}
