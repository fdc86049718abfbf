/** Encoded examples, ready to be packed. Typed arrays, transferable between workers. */

import type { Example } from '../dataset/types';

/** Concatenated examples: example i is `ids[offsets[i] .. offsets[i+1])`. */
export interface EncodedSplit {
  readonly ids: Int32Array;
  /** 1 where the token is predicted and counted in the loss. The first token of an example never is. */
  readonly trained: Uint8Array;
  readonly offsets: Uint32Array;
  /** Line of each example in the file. */
  readonly lines: Uint32Array;
}

export interface EncodedDataset {
  /** Whether the examples are conversations or texts; absent in one that was read from the store. */
  readonly kind?: Example['kind'];
  readonly train: EncodedSplit;
  readonly heldOut: EncodedSplit;
  /** SHA-256 over both splits, hex: identifies the exact training data in a checkpoint. */
  readonly hash: string;
  readonly stats: EncodedStats;
}

export interface EncodedStats {
  readonly examples: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  /** Number of examples that were truncated to the sequence length. */
  readonly truncated: number;
  /** Examples dropped because no trained token remained: line and reason of the first 500. */
  readonly dropped: readonly { readonly line: number; readonly message: string }[];
  readonly droppedCount: number;
  /** Token-length histogram: `counts[i]` examples have a length in [i·width, (i+1)·width). */
  readonly histogram: { readonly width: number; readonly counts: readonly number[] };
  /** Lengths before truncation, as in the histogram. */
  readonly maxLength: number;
  readonly meanLength: number;
  /** Tokens of the packed training rows of one epoch, padding included. */
  readonly packedTokens: number;
}

/** One fixed-size batch: M = rows·length entries each, row after row. */
export interface Batch {
  readonly ids: Int32Array;
  /** Position inside its own document. */
  readonly positions: Int32Array;
  /** Document number inside the row, from 0; -1 where the row is padding. */
  readonly segments: Int32Array;
  /** The next token of the same document; -1 where there is none to predict. */
  readonly labels: Int32Array;
  /** 1 where the loss counts `labels`, else 0. */
  readonly weights: Float32Array;
  /** Tokens that are not padding. */
  readonly tokens: number;
  /** Sum of `weights`. */
  readonly trained: number;
}
