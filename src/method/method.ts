/**
 * The contract of a fine-tuning method: which parameters it trains, and how the model's forward pass uses them. A method is one file
 * and one row of the table; its settings are a row of src/recipe/methods.ts.
 */

import type { Problem } from '../core/errors';
import type { Value } from '../../kernels/op';
import type { ModelConfig } from '../model/config';
import type { Adaptation, Pass } from '../model/family';
import type { NamedTensor, Parameter, Parameters } from './parameters';

export interface Method<S> {
  /** What is trained, in the order of the flat vector. Must not depend on anything but the arguments: a resumed run declares it again. */
  parameters(config: ModelConfig, settings: S): readonly Parameter[];
  /** The settings that do not fit the model, by their paths in a recipe. */
  problems(config: ModelConfig, settings: S): readonly Problem[];
  /** The pass with the method's own computations. A parameter that has the name of a weight replaces that weight without them. */
  wrap(pass: Pass, own: Parameters, settings: S, seed: Value | null, config: ModelConfig): Pass;
  /** How the weights of a linear layer become those of a layer without an adapter; null for layers that have none. `own` on the host. */
  fuse(module: string, own: HostTensors, settings: S): Fusion | null;
}

/** Trained tensors by name. */
export type HostTensors = ReadonlyMap<string, NamedTensor>;

/** Changes weights in place, so that the layer computes what the adapted one does. */
export interface Fusion {
  /** Rows of the weight [out, in] from `first` on. */
  rows(weight: Float32Array, first: number, inputs: number): void;
  /** The bias [out]; absent where it stays as it is. */
  bias?(bias: Float32Array): void;
}

/** Trained parameters on the device, and the change of the forward pass that they make. */
export interface Tuning extends Adaptation {
  readonly parameters: Parameters;
}
