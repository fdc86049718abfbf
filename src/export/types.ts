/** Exported files, and what they are made from. Plain types. */

import type { NamedTensor } from '../method/parameters';
import type { ModelFolder } from '../model/folder';
import type { CardFacts } from './card';

export interface ExportedFile {
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
  readonly base: ModelFolder | null;
  /** What the run's examples are; conversations when absent. */
  readonly dataKind?: 'chat' | 'text';
}

/** A run at a checkpoint. */
export interface Tuned extends TunedRun {
  readonly tensors: readonly TunedTensor[];
}

/** Takes files as streams, one after another, so that an exported model is never in memory as a whole. */
export interface FileSink {
  file(name: string): WritableStream<Uint8Array<ArrayBuffer>>;
}
