/** A base model as the page sees it before its weights are loaded. Plain data. */

import type { TokenizerFiles } from '../tokenizer/types';

/** The models that are served with the page: a language model and an encoder. */
export type Starter = 'starter' | 'starter-encoder';

/** Where a model is opened from: a starter is served with the page, `cached` is a copy in the browser's storage. */
export type ModelSource =
  | { readonly kind: Starter }
  | { readonly kind: 'files'; readonly files: readonly File[] }
  | { readonly kind: 'cached'; readonly id: string };

export interface ModelView {
  /** SHA-256 over config, weight headers, file sizes and some bytes of each tensor, hex. */
  readonly id: string;
  readonly name: string;
  /** `model_type` of config.json, e.g. `llama`, `qwen2`. */
  readonly family: string;
  readonly parameters: number;
  /** Bytes of the weight files. */
  readonly bytes: number;
  readonly dtype: 'F32' | 'F16' | 'BF16' | 'mixed';
  readonly layers: number;
  readonly width: number;
  readonly vocabulary: number;
  /** `max_position_embeddings`. */
  readonly context: number;
  /** Modules that LoRA can target in this family. */
  readonly targets: readonly string[];
  readonly tokenizer: TokenizerFiles;
  readonly hasChatTemplate: boolean;
  /** It writes text: no token sees a later one. An encoder reads only. */
  readonly writes: boolean;
  /** The browser's storage has a copy. */
  readonly cached: boolean;
}

/** Progress of one stage of loading, in bytes. */
export interface LoadProgress {
  readonly stage: 'check' | 'weights';
  readonly done: number;
  readonly total: number;
}

/** A model that is not on this device: its configuration, and its weights according to their headers. */
export interface ModelOutline {
  readonly name: string;
  /** The text of config.json. */
  readonly config: string;
  /** The tensors of the files, or the one type of all tensors that the configuration asks for. */
  readonly tensors:
    readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[] | 'F32' | 'BF16' | 'F16';
}

/** What a check of a kept copy found. */
export interface Verification {
  /** `hashes`: every byte was compared. `samples`: the hub's hashes are not known, so parts of each tensor were. */
  readonly by: 'hashes' | 'samples';
  /** Names of the files that are not what they were. */
  readonly damaged: readonly string[];
}
