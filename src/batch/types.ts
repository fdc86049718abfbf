/** Encoded examples, ready to be packed. Typed arrays, transferable between workers. */

import type { LabelShape } from '../dataset/labelled';
import type { Example } from '../dataset/types';
import type { ColumnSpec, EncodingKind, InputName } from '../encoding/encoding';

/**
 * Concatenated documents: document i is `ids[offsets[i] .. offsets[i+1])`. An example has one document; with an `ExampleLayout`,
 * example i has the documents `i·documents .. (i+1)·documents`.
 */
export interface EncodedSplit {
  readonly ids: Int32Array;
  /** 1 where the token is predicted and counted in the loss. The first token of a document never is. */
  readonly trained: Uint8Array;
  readonly offsets: Uint32Array;
  /** Line of each example in the file. */
  readonly lines: Uint32Array;
  /** Type id of each token; absent where all are 0. */
  readonly types?: Uint8Array;
  /** Targets, example after example: a class, a flag for each label, or numbers. Absent for examples without a target. */
  readonly targets?: Float32Array;
}

/** What the examples of a dataset consist of, and the inputs that they add to a batch. */
export interface ExampleLayout {
  readonly kind: EncodingKind;
  /** Documents of an example, which stay in one row. */
  readonly documents: number;
  readonly columns: readonly ColumnSpec[];
  /** Names of the classes or labels, by index; empty for examples without. */
  readonly names: readonly string[];
}

/** How many document slots each row of tokens has; see slots.ts. */
export interface SlotPlan {
  readonly layout: ExampleLayout;
  /** Examples of a row. */
  readonly perRow: number;
}

export interface LabelledEncoding {
  readonly kind: 'labelled';
  readonly labels: LabelShape;
  /** The classes or labels by index; those of the data when absent. */
  readonly names?: readonly string[];
}

/** Pairs of answers; `margins`: with the margins that a column of the data has. */
export interface PairEncoding {
  readonly kind: 'pair';
  readonly margins?: boolean;
}

/** What a dataset is encoded for, other than next-token prediction. */
export type DatasetEncoding = LabelledEncoding | PairEncoding | { readonly kind: 'rated' };

export interface EncodedDataset {
  /** Absent for next-token prediction: one document without a target. */
  readonly layout?: ExampleLayout;
  /** Whether the examples are conversations or texts; absent in one that was read from the store. */
  readonly kind?: Example['kind'];
  readonly train: EncodedSplit;
  /** For validation: measures the run and chooses its best checkpoint. */
  readonly heldOut: EncodedSplit;
  /** Neither trains nor chooses anything: it is read by measurements that the user asks for. Absent where there is none. */
  readonly test?: EncodedSplit;
  /** Of a mixture of several datasets; absent for a single one. */
  readonly sources?: readonly MixedSource[];
  /** SHA-256 over all parts, hex: identifies the exact training data in a checkpoint. */
  readonly hash: string;
  readonly stats: EncodedStats;
}

export interface EncodedStats {
  readonly examples: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  /** Number of examples that were truncated to the sequence length. */
  readonly truncated: number;
  /** What those examples lost: tokens, and how many of them are trained. Absent when none was truncated. */
  readonly cutOff?: { readonly tokens: number; readonly trained: number };
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
  /** Of how many examples the counts of a large dataset were estimated; absent where all were counted. */
  readonly estimatedFrom?: number;
  /** What the model's chat template leaves out of the examples, in sentences; absent where nothing is. */
  readonly notices?: readonly string[];
  /** Document slots of the training rows; absent for next-token prediction. */
  readonly slots?: SlotPlan;
  /** How many examples each part has; absent in data that an earlier version stored. */
  readonly parts?: PartCounts;
}

/** Examples of each part of a dataset. */
export interface PartSizes {
  readonly train: number;
  readonly heldOut: number;
  readonly test: number;
}

/** A dataset of a mixture. In each part its examples stand together, those of the datasets before it first. */
export interface MixedSource extends PartSizes {
  /** What the user sees; no two of a mixture have the same. */
  readonly name: string;
  /** How often an epoch has each of its training examples, on average. */
  readonly weight: number;
}

export interface PartCounts extends PartSizes {
  /** Examples for training that are left out, because their text stands in another part. */
  readonly removed: number;
  /** Of labelled examples: how many with each label are in each part; absent for others. */
  readonly labels?: readonly (PartSizes & { readonly name: string })[];
}

/** Inputs of batches of the model's own answers, which no data have. */
export type RolloutInput = 'advantages' | 'oldLogprobs' | 'refLogprobs' | 'oldValues' | 'returns' | 'valueWeights';

/** One fixed-size batch: M = rows·length entries each, row after row. */
export interface Batch {
  /** −1 for a virtual token: the first ones of each document, where a method has them. */
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
  /** Inputs of the examples' layout, by name; absent for next-token prediction. */
  readonly inputs?: BatchInputs;
  /** Examples in the batch; absent for next-token prediction. */
  readonly examples?: number;
  /** What the examples count together in a mean: their number when absent. Only where classes have weights. */
  readonly weight?: number;
  /** [D]: the index in its split of the example in each document slot, -1 for empty slots; absent for next-token prediction. */
  readonly placed?: Int32Array;
  /** Of held-out batches of a mixture: the index of the dataset that the examples are of. */
  readonly source?: number;
}

/**
 * The inputs that a layout's columns name. A batch has D document slots, empty ones included; `slot` is the index of one. For pairs,
 * the slots of the preferred answers are the first D/2, and those of the rejected ones follow in the same order.
 *
 * - `types` i32 [M]: type ids
 * - `documents` i32 [M]: the slot of each token's document, -1 for padding
 * - `pooled` i32 [D]: index of the token in 0..M-1 that stands for the document; 0 for empty slots
 * - `classes` i32 [D]: the class, -1 for empty slots
 * - `targets` f32 [D, K]: flags of labels, or numbers; 0 for empty slots
 * - `margins` f32 [D]: the margin of the pair of each document; 0 for empty slots
 * - `desirable` f32 [D]: 1 for an answer that is rated as good, else 0
 * - `documentWeights` f32 [D]: 1, or the weight of the class; 0 for empty slots
 * - `mismatched…`: see mismatched.ts
 * - `advantages`, `oldLogprobs`, `refLogprobs`, `oldValues`, `returns`, `valueWeights` f32 [M]: of the model's own answers, see
 *   src/objective/policy.ts; 0 elsewhere
 */
export type BatchInputs = { readonly [K in InputName | RolloutInput]?: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer> };
