/** The contract of an objective: the loss of a batch, from what the model computes for it. */

import type { Program } from '../graph/graph';
import type { Value } from '../../kernels/op';
import { unary } from '../../kernels/unary';

/** `policy`: the model with what is trained; `reference`: the base; `teacher`: another model with the same vocabulary. */
export type Model = 'policy' | 'reference' | 'teacher';

/** A batch on the device, and the model's results for it. */
export interface LossContext {
  readonly program: Program;
  /** D: document slots of a batch. */
  readonly documents: number;
  /** The token to predict, i32 [M]; −1 for none. */
  readonly labels: Value;
  /** f32 [M]. */
  readonly weights: Value;
  /** The input of that name (see `BatchInputs` in src/batch); `column`: a vector [n] as a matrix [n, 1]. */
  input(name: string, as?: 'column'): Value;
  /** Whether the batches have an input of that name. */
  has(name: string): boolean;
  /** Numbers that never change. Equal names are one value. */
  constant(name: string, data: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>, shape: readonly number[]): Value;
  /** Final hidden states [M, C]; computed once. */
  hidden(model: Model): Value;
  /** Weight of the output head [V, C]. */
  head(model: Model): Value;
  /** The cap of the model's logits; undefined without one. */
  softcap(model: Model): number | undefined;
  /** What the value head on top of the policy expects before each token, [M, 1]; null without one, as of the base. */
  values(): Value | null;
  /** Outputs [D, K] of the classifier on top of the policy. */
  outputs(): Value;
  /** How much the examples with each label count (torch's `pos_weight`), by label; null where all count alike. */
  readonly labelWeights: readonly number[] | null;
  /** The same for the mismatched documents of rated answers (src/batch/mismatched.ts), without dropout; it has no input but `documents`. */
  mismatched(): LossContext;
  /** The gradient of the loss is computed too. */
  readonly training: boolean;
}

export interface Loss {
  /** [1]. */
  readonly loss: Value;
  /** Read back with the loss, by name; see the objective. */
  readonly figures: Readonly<Record<string, Value>>;
}

/** What examples have to be learnt from: nothing but their text, one class, labels, numbers, two answers, or an answer with a rating. */
export type ExampleKind = 'text' | 'class' | 'labels' | 'numbers' | 'pair' | 'rated';

/** The figures of micro-batches, by name. */
export type FigureData = Readonly<Record<string, readonly Float32Array[]>>;

export interface Objective<S> {
  readonly examples: ExampleKind;
  /** A value head is trained beside the method: one number for each token, which no file but a checkpoint has. */
  readonly hasValues?: true;
  loss(context: LossContext, settings: S): Loss;
  /** What a step or a measurement reports beside its loss, by name. */
  report?(figures: FigureData, settings: S): Readonly<Record<string, number>>;
}

/** The cap of the model's logits, as an option of a loss. */
export function capOf(context: LossContext, model: Model): { readonly softcap?: number } {
  const softcap = context.softcap(model);
  return softcap === undefined ? {} : { softcap };
}

/** −x. */
export function negated(program: Program, x: Value): Value {
  return unary(program, x, { kind: 'affine', scale: -1, shift: 0 });
}

/** The sum of a figure [1] over the micro-batches, each of which has its share of a mean. */
export function sumOf(parts: FigureData[string] = []): number {
  return parts.reduce((sum, [part = NaN]) => sum + part, 0);
}
