/** What every model family tells the engine about a model: the result of reading its config.json. */

import type { Rope } from './rope';

/** The attention of one layer. */
export interface AttentionConfig {
  /** H: query heads. */
  readonly heads: number;
  /** Key/value heads; divides `heads`. */
  readonly kvHeads: number;
  /** D; even. heads · D need not be the hidden size. */
  readonly headDim: number;
  /** Multiplies the scores q·k. */
  readonly scale: number;
  /** The scaled scores s become softcap·tanh(s/softcap), before any are hidden; absent: no cap. */
  readonly softcap?: number;
  /** A token sees so many positions, its own included; 0: no window. */
  readonly window: number;
  /** A token does not see later ones. */
  readonly causal: boolean;
  /** Null: q and k are not rotated. */
  readonly rope: Rope | null;
}

/** Families extend this with what their own layers need. Plain data. */
export interface ModelConfig {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** C. */
  readonly hiddenSize: number;
  readonly layers: number;
  /** V. */
  readonly vocabSize: number;
  /** Tokens of a document that the model can attend to. */
  readonly maxPositions: number;
  /** The position of a document's first token; 0 but for RoBERTa. */
  readonly firstPosition: number;
  /** One per layer. */
  readonly attention: readonly AttentionConfig[];
  /** Multiplies the rows of the token embedding; absent: 1. */
  readonly embeddingScale?: number;
  /** Standard deviation of new weights, such as those of a classifier. */
  readonly initializerRange: number;
  /** The logits z of the output head become softcap·tanh(z/softcap); absent: no cap. */
  readonly logitSoftcap?: number;
}
