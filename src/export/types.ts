/** Exported files, and what they are made from. Plain types. */

import type { NamedTensor } from '../method/parameters';
import type { ModelFolder, WeightType } from '../model/folder';
import type { CardFacts } from './card';

export type { WeightType };

export interface ExportedFile {
  /** With `/` where it is in a folder. */
  readonly name: string;
  readonly blob: Blob;
}

/** A trained parameter at a checkpoint, in the engine's layout. */
export interface TunedTensor extends NamedTensor {
  /** The base's files have it as [columns, rows] (Conv1D). */
  readonly transposed?: true;
  /** The embedding, where it is the output head too. */
  readonly tiedHead?: true;
  /** Of a classifier: the base does not have it. */
  readonly isNew?: true;
}

/** A run, and the files of its base model; null when the page does not have them open. */
export interface TunedRun extends CardFacts {
  /** Names of the classes or labels that the run learns, by index; absent where there are none. */
  readonly labels?: readonly string[];
  /** How much each class or label counts in the loss, by index; absent where all count alike. */
  readonly classWeights?: readonly number[];
  readonly base: ModelFolder | null;
  /** Another program trained it: its examples are not known. */
  readonly imported?: true;
  /** It was combined from several adapters, and trained on no data as it is. */
  readonly combined?: object;
  /** What the run's examples are; conversations when absent. */
  readonly dataKind?: 'chat' | 'text';
}

/** A run at a checkpoint. */
export interface Tuned extends TunedRun {
  readonly tensors: readonly TunedTensor[];
}

/** What an export may need beside the weights, and what can be chosen. */
export interface ExportContext {
  /** The type of the weights of whole models. */
  readonly weightType: WeightType;
  /** The rows of the run up to the exported step. */
  history(): Promise<RunRows>;
  /** The examples of the run. Rejects with `store/corrupt` when they are not kept. */
  splits(): Promise<Splits>;
}

/** A training step. A number that is not finite belongs to a step that was skipped. */
export interface LoggedStep {
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  readonly epoch: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
}

/** A held-out measurement. */
export interface LoggedEval {
  readonly step: number;
  readonly loss: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

export interface RunRows {
  readonly steps: readonly LoggedStep[];
  readonly evals: readonly LoggedEval[];
}

/** A text as tokens; `trained` is 1 where the loss counts the token. */
export interface SplitDocument {
  readonly ids: Int32Array;
  readonly trained: Uint8Array;
  /** The type of each token; absent where all are 0. */
  readonly types?: Uint8Array;
}

/** An example as the run learns it: one text, or the preferred answer and the rejected one, each with its prompt. */
export interface SplitExample {
  /** In the file of the data. */
  readonly line: number;
  readonly documents: readonly SplitDocument[];
  /** A class, a flag for each label, or numbers; empty where there is none. */
  readonly target: readonly number[];
}

export interface Splits {
  readonly train: Iterable<SplitExample>;
  readonly heldOut: Iterable<SplitExample>;
  /** Absent where there are no test rows. */
  readonly test?: Iterable<SplitExample>;
}

/** Takes files as streams, one after another, so that an exported model is never in memory as a whole. */
export interface FileSink {
  /** `name`: with `/` where the file is in a folder. */
  file(name: string): WritableStream<Uint8Array<ArrayBuffer>>;
}
