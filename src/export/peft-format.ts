/**
 * The contract of a PEFT format: how the adapter of a method is stated in PEFT's files. A format is one file and one row of the table in
 * peft.ts.
 */

import type { Problem } from '../core/errors';
import type { NamedTensor } from '../method/parameters';
import type { Keys } from './peft-keys';

/** A module of the base model and its sizes. */
export interface Layer {
  readonly module: string;
  readonly inputs: number;
  readonly outputs: number;
}

/** Sizes of the base model that PEFT states; it finds those that are null itself. */
export interface BaseSizes {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
}

export interface PeftFormat<S> {
  /** The value of `peft_type`. */
  readonly type: string;
  /** The tensors are of the model as a whole, not of its layers; their names have no prefix in files. */
  readonly ofModel?: true;
  /** Keys that change what the adapter computes and that `read` does not read: files that set one are refused. */
  readonly unread: readonly string[];
  /** The method's own keys of adapter_config.json. `tensors`: all that are written. `base`: null where it is not open. */
  config(settings: S, tensors: readonly NamedTensor[], base: BaseSizes | null): Readonly<Record<string, unknown>>;
  /** The settings that the keys state. Settings that leave no trace in the files have their defaults. */
  read(keys: Keys): S;
  /** The settings with the names of the adapted layers, for files that have an expression or a rule instead of names. */
  named(settings: S, tensors: readonly NamedTensor[]): S;
  /** The adapted layer that a tensor of the adapter belongs to; null for other tensors. */
  moduleOf(name: string): string | null;
  /** All tensors as those that PEFT's files have, where these are others. */
  joined?(tensors: readonly NamedTensor[], settings: S): readonly NamedTensor[];
  /** The tensor in the shape that PEFT's files have. */
  inFiles(tensor: NamedTensor, settings: S): NamedTensor;
  /** What is wrong with a tensor of the adapter, as it is in files; null when nothing is. `layer`: its sizes, if they are known. */
  fault(tensor: Pick<NamedTensor, 'name' | 'shape'>, settings: S, layer: Layer | undefined): string | null;
  /** What the tensors of an adapter lack, by module. */
  missing(tensors: readonly Pick<NamedTensor, 'name'>[]): readonly Problem[];
  /** Whether biases of the base may be among the tensors. */
  hasBiases(settings: S): boolean;
}

/** What is wrong with a tensor that the configuration does not account for. */
export const UNKNOWN_TENSOR = 'is neither a tensor of the adapter nor a weight that the configuration names';

/** What is wrong with a shape, or null. Null in `expected` stands for any size. */
export function shapeFault(shape: readonly number[], expected: readonly (number | null)[]): string | null {
  const fits = shape.length === expected.length && shape.every((size, i) => size === (expected[i] ?? size));
  return fits ? null : `has the shape [${shape.join(', ')}], expected [${expected.map((size) => size ?? 'any').join(', ')}]`;
}

/** Sorted last parts of the names of the adapted modules, e.g. `q_proj`. */
export function lastParts(modules: readonly string[]): string[] {
  return [...new Set(modules.map((module) => module.split('.').at(-1) ?? module))].sort();
}
