/** The contract of encodings: how an example of one kind becomes token sequences, and which inputs it adds to a batch. */

import type { Example, LabelledExample, PairExample, UnpairedExample } from '../dataset/types';
import type { AnswerCounts } from '../tokenizer/spans';
import type { TextTokenizer } from '../tokenizer/tokenizer';

/** The examples of each kind. */
export interface Examples {
  readonly text: Extract<Example, { readonly kind: 'text' }>;
  readonly chat: Extract<Example, { readonly kind: 'chat' }>;
  readonly labelled: LabelledExample;
  readonly pair: PairExample;
  readonly rated: UnpairedExample;
}

export type EncodingKind = keyof Examples;

/** What is predicted about a labelled example. */
export type Target =
  | { readonly kind: 'class'; readonly names: readonly string[] }
  | { readonly kind: 'labels'; readonly names: readonly string[] }
  | { readonly kind: 'numbers'; readonly count: number };

/** What each kind needs to know besides the example. */
export interface EncodingSettings {
  readonly text: object;
  /** Loss on the assistant's answers with their end-of-turn tokens, or on every token. */
  readonly chat: { readonly lossOn: 'assistant' | 'all' };
  readonly labelled: { readonly target: Target };
  /** Whether every pair has a margin. */
  readonly pair: { readonly margins?: boolean };
  /** The names of the ratings, that of bad answers first. */
  readonly rated: { readonly target: Extract<Target, { readonly kind: 'class' }> };
}

type Ids = readonly number[] | Int32Array;
type Flags = readonly number[] | Uint8Array;

/** Tokens, and 1 for those that are predicted and counted in a loss, else 0. Both have the same length. */
export interface Tokens {
  readonly ids: Ids;
  readonly trained: Flags;
}

/** One sequence. Documents do not attend to each other. */
export interface Document extends Tokens {
  /** Type ids, for models with type embeddings; absent where all are 0. */
  readonly types?: Flags;
}

/** An example in full length. */
export interface Whole {
  /** What documents are made of: token sequences without those that `cut` adds. */
  readonly parts: readonly Tokens[];
  /** The index of a class, a flag for each label, or numbers; the margin of a pair; empty for examples without a target. */
  readonly target: readonly number[];
  /** Of a conversation: the answers of which the template does not show all. */
  readonly answers?: AnswerCounts;
}

/** An example within the sequence length. `truncated`: tokens that were cut off. */
export interface Encoded {
  readonly documents: readonly Document[];
  readonly target: readonly number[];
  readonly truncated: number;
}

/** Why an example can't be used. */
export interface Dropped {
  readonly dropped: string;
}

/** Names of the inputs that batches may have beside ids, positions, segments, labels and weights. */
export type InputName =
  'types' | 'documents' | 'pooled' | 'classes' | 'targets' | 'margins' | 'desirable' | 'documentWeights' | MismatchedName;

/** Those of mismatched documents, which have the question of one example and the answer of another; see src/batch/mismatched.ts. */
export type MismatchedName =
  'mismatchedIds' | 'mismatchedPositions' | 'mismatchedLabels' | 'mismatchedWeights' | 'mismatchedDocuments' | 'mismatchedShares';

/** One input: `width` values of `dtype` for each token or for each document slot of a micro-batch. */
export interface ColumnSpec {
  readonly name: InputName;
  readonly dtype: 'i32' | 'f32';
  readonly per: 'token' | 'document';
  readonly width: number;
}

export interface Encoding<E, S> {
  /** Documents of an example: they stay in one micro-batch. */
  readonly documents: number;
  /** The inputs that it adds to a batch. */
  columns(settings: S): readonly ColumnSpec[];
  /** Tokens in full length: takes nearly all the time of encoding, and does not depend on the sequence length. */
  encode(tokenizer: TextTokenizer, example: E, settings: S): Whole | Dropped;
  /** Fits an example into `length` tokens, all of its documents together. */
  cut(tokenizer: TextTokenizer, whole: Whole, length: number): Encoded | Dropped;
}
