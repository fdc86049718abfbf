/**
 * The contract of a model family: how it reads config.json, which weights it has, and its forward pass. A family is one file in
 * `families` and one row of its table.
 */

import type { Shape } from '../core/shape';
import type { Program } from '../graph/graph';
import type { Value } from '../../kernels/op';
import type { ModelConfig } from './config';
import type { Fields } from './config-fields';
import type { Activation } from './families/activation';

export interface WeightSpec {
  /** Hugging Face's full name, e.g. `model.layers.0.self_attn.q_proj.weight`. */
  readonly name: string;
  /** Other names of the tensor in weight files. */
  readonly aliases?: readonly string[];
  /** In the engine; linear weights are [out, in]. */
  readonly shape: Shape;
  /** `linear`: a layer of a block, which adapters can target and quantisation applies to. `head`: an output head that is not tied. */
  readonly use: 'linear' | 'embedding' | 'head' | 'vector';
  /** The files have the matrix as [in, out]: it is transposed when it is loaded. */
  readonly transposed?: boolean;
}

/** Where virtual tokens stand: places of trained vectors, which have no token. i32 [M] each. */
export interface VirtualTokens {
  /** The ids of the pass, −1 where a virtual token stands. */
  readonly ids: Value;
  /** The number of the virtual token in its document, from 0 on; −1 where none stands. */
  readonly indices: Value;
  /** The place itself; −1 where a virtual token stands. */
  readonly others: Value;
}

/** The tokens of a forward pass, i32 [M] each. */
export interface Tokens {
  readonly ids: Value;
  /** Position of each token in its document, from the config's `firstPosition` on. */
  readonly positions: Value;
  /** Type of each token, for families with type embeddings; null where the batch has none. */
  readonly types: Value | null;
}

export interface LinearOptions {
  /** Without the layer's bias. */
  readonly noBias?: boolean;
  /** Added to the result: a residual. */
  readonly addend?: Value;
  /** p [M, R] and q [out, R]: scale·p·qᵀ is added in the same kernel. */
  readonly lowRank?: { readonly p: Value; readonly q: Value; readonly scale: number };
}

/** The two halves of a block. */
export type SublayerPart = 'attention' | 'mlp';

/** A sublayer, where a method acts on its output. */
export interface Sublayer {
  readonly layer: number;
  readonly part: SublayerPart;
  /** The output with its residual, as what stands behind the sublayer reads it: after the norm where a norm follows the sum. */
  readonly seen: (output: Value) => Value;
}

/**
 * What a family builds its forward pass with. It is also the seam for fine-tuning methods: a method returns a pass whose functions
 * do more than those of the pass that it got.
 */
export interface Pass {
  readonly program: Program;
  /** Null where the batch has none. */
  readonly virtual: VirtualTokens | null;
  /** The weight of that full name. */
  weight(name: string): Value;
  /** The bias of a linear layer; null when it has none. */
  bias(module: string): Value | null;
  /** Rows [M, C] of the table of that name, times `scale`. */
  embed(name: string, ids: Value, scale?: number): Value;
  /** x·Wᵀ + bias, [M, out], for the weight `module`.weight and the bias `module`.bias, if the family has one. */
  linear(module: string, x: Value, options?: LinearOptions): Value;
  /** Rotates q [M, H·D] and k [M, Hkv·D] by the positions of the tokens; returns them unchanged in a layer without RoPE. */
  rotate(layer: number, q: Value, k: Value): { readonly q: Value; readonly k: Value };
  /** o [M, H·D] of q [M, H·D], k and v [M, Hkv·D], after `rotate`. */
  attend(layer: number, q: Value, k: Value, v: Value): Value;
  /**
   * What a method makes of the output [M, C] of a sublayer's last linear layer, before the residual is added; absent: nothing. Families
   * call it through `closeSublayer` or `behindSublayer`.
   */
  readonly after?: (place: Sublayer, output: Value) => Value;
  /** Builds a layer of the model: its nodes are recomputed together when activations are not kept. */
  layer<T>(index: number, build: () => T): T;
}

/** The layers from the hidden state of one token to the outputs of a classifier of sequences, as transformers builds them. */
export interface ClassifierHead {
  /** The token of a document that stands for it, or the mean of all. */
  readonly pool: Pool;
  /** A layer before the last one; null where there is none. */
  readonly dense: DenseHead | null;
  /** The layer [outputs, C]. */
  readonly last: HeadLayer;
}

export type Pool = 'first' | 'last' | 'mean';

/** A linear layer of a classifier. */
export interface HeadLayer {
  readonly module: string;
  readonly bias: boolean;
  /** How new weights start; absent: from N(0, initializer_range). */
  readonly init?: NormalInit;
}

/** Normal numbers around zero, none further from it than `cut` deviations if there is a cut. */
export interface NormalInit {
  readonly kind: 'normal';
  readonly deviation: number;
  readonly cut?: number;
}

/** A layer [C, C] and its activation. */
export interface DenseHead extends HeadLayer {
  readonly activation: Activation | 'tanh';
  /** A LayerNorm after the activation. */
  readonly norm?: { readonly module: string; readonly bias: boolean; readonly eps: number };
  /** Layer and norm are trained with the last layer; else they are weights of the base. */
  readonly isNew: boolean;
}

export interface Family<C extends ModelConfig = ModelConfig> {
  /** The values of `model_type` that the family reads. */
  readonly modelTypes: readonly string[];
  /** Class names in `architectures` that compute what `hidden` and `head` do. */
  readonly architectures: RegExp;
  /** Adds all problems to `fields`. The result is not used if there are any. */
  readConfig(fields: Fields, modelType: string): C;
  /** The modules that hold the bottleneck adapters of a layer, as the `adapters` library names them. */
  adapterModules(config: C, layer: number): Readonly<Record<SublayerPart, string>>;
  /** All weights; other tensors in the files are ignored. Their order must not change: a model's id depends on it. */
  weights(config: C): readonly WeightSpec[];
  /** Appends the final hidden states [M, C], normalised for the head. */
  hidden(pass: Pass, config: C, tokens: Tokens): Value;
  /** Name of the output head's weight [V, C]: that of the embedding if they are tied. Null for encoders and classifiers. */
  head(config: C): string | null;
  /** What a classifier of sequences has on top. */
  classifier(config: C): ClassifierHead;
}

/** A change of the forward pass, such as an adapter. */
export interface Adaptation {
  /** A label for programs. */
  readonly name: string;
  /** Virtual tokens at the start of each document. */
  readonly virtualTokens: number;
  /** The value that replaces the weight of that name; null: the base's own is used. */
  weight(name: string): Value | null;
  /** `seed`: i32 [2], seed and step of the dropout; null: no dropout. */
  wrap(pass: Pass, seed: Value | null): Pass;
}
