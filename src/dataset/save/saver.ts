/** The contract of what the data can be saved as. */

import type { Built } from '../cells';
import type { LabelShape } from '../labelled';
import type { Example, LabelledExample, PairExample, UnpairedExample } from '../types';

/** Rows as they are saved: their cells by the position of the column. They can be read several times. */
export interface SavedRows {
  readonly columns: readonly string[];
  readonly read: () => AsyncIterable<readonly (readonly unknown[])[]>;
}

/** Writes rows as one kind of file, part after part, so that memory does not grow with their number. */
export interface RowSaver {
  /** Of the file, with its dot. */
  readonly extension: string;
  /** How often it reads the rows. */
  readonly passes: number;
  write(rows: SavedRows): AsyncIterable<string | Uint8Array<ArrayBuffer>>;
}

/** Examples of any objective. */
export type SavedExample = Example | PairExample | UnpairedExample | LabelledExample;

/** Examples, and how labels are written: several as a list; numbers as numbers, each in a column of its name. */
export interface SavedExamples {
  readonly examples: Built<SavedExample>;
  readonly labels: { readonly shape: LabelShape; readonly names: readonly string[] };
}
