/** What is known of a base model before its weights are loaded. Plain data. */

import type { TokenizerFiles } from '../tokenizer/types';

/** Where a model comes from. `starter` is served with the page; `cached` was used before and lies in this browser's storage. */
export type ModelSource =
  | { readonly kind: 'starter' }
  | { readonly kind: 'files'; readonly files: readonly File[] }
  | { readonly kind: 'cached'; readonly id: string };

export interface ModelView {
  /** SHA-256 over config, weight headers and sizes, and some bytes of every tensor, hex. */
  readonly id: string;
  readonly name: string;
  /** `model_type` of config.json, e.g. `llama`, `qwen2`. */
  readonly family: string;
  readonly parameters: number;
  /** Bytes of the weights on disk. */
  readonly bytes: number;
  readonly dtype: 'F32' | 'F16' | 'BF16' | 'mixed';
  readonly layers: number;
  readonly width: number;
  readonly vocabulary: number;
  /** `max_position_embeddings`. */
  readonly context: number;
  /** Names that LoRA can target in this family. */
  readonly targets: readonly string[];
  readonly tokenizer: TokenizerFiles;
  readonly hasChatTemplate: boolean;
  /** Kept in this browser, so that it is there offline next time. */
  readonly cached: boolean;
}

/** Bytes done of bytes in all, of one stage of loading. */
export interface LoadProgress {
  readonly stage: 'check' | 'weights';
  readonly done: number;
  readonly total: number;
}
