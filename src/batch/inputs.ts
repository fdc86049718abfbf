/** The inputs of batches by name: their arrays, and what a document writes into them. */

import { internal } from '../core/errors';
import type { ColumnSpec, InputName } from '../encoding/encoding';
import { slotCount, type Slots } from './slots';
import type { BatchInputs } from './types';

/** A document in a batch. */
export interface Placed {
  readonly slot: number;
  /** Its first token in the batch, and its number of tokens; the first `virtual` of them are virtual. */
  readonly at: number;
  readonly length: number;
  readonly virtual: number;
  /** Its last token in the batch that is not the token of padding, as transformers finds the token to pool. */
  readonly last: number;
  /** The type ids of its tokens, of those that are not virtual; absent where all are 0. */
  readonly types?: ArrayLike<number>;
  /** Its example's target. */
  readonly target: ArrayLike<number>;
  readonly pool: Slots['pool'];
  /** What it counts in a mean. */
  readonly weight: number;
}

type Numbers = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

interface Input {
  /** The value in padding and in empty slots. */
  readonly empty: number;
  write(array: Numbers, document: Placed): void;
}

/** Written from all documents of a batch together; see mismatched.ts. */
const ofBatch = (empty: number): Input => ({ empty, write: () => undefined });

const INPUTS: { readonly [K in InputName]: Input } = {
  types: {
    empty: 0,
    write(array, { at, virtual, types }) {
      for (let i = 0; types !== undefined && i < types.length; i++) array[at + virtual + i] = types[i] ?? 0;
    },
  },
  documents: { empty: -1, write: (array, { at, length, slot }) => void array.fill(slot, at, at + length) },
  pooled: {
    empty: 0,
    write: (array, { slot, at, last, pool }) => void (array[slot] = pool === 'last' ? last : at),
  },
  classes: { empty: -1, write: (array, { slot, target }) => void (array[slot] = target[0] ?? -1) },
  targets: { empty: 0, write: (array, { slot, target }) => array.set(target, slot * target.length) },
  margins: { empty: 0, write: (array, { slot, target }) => void (array[slot] = target[0] ?? 0) },
  desirable: { empty: 0, write: (array, { slot, target }) => void (array[slot] = target[0] ?? 0) },
  documentWeights: { empty: 0, write: (array, { slot, weight }) => void (array[slot] = weight) },
  mismatchedIds: ofBatch(0),
  mismatchedPositions: ofBatch(0),
  mismatchedLabels: ofBatch(-1),
  mismatchedWeights: ofBatch(0),
  mismatchedDocuments: ofBatch(-1),
  mismatchedShares: ofBatch(0),
};

/** Arrays for the columns of a layout, for micro-batches of `rows` rows. */
export function inputSpace(slots: Slots, rows: number, rowLength: number): BatchInputs {
  const sizeOf = ({ per, width }: ColumnSpec) => width * (per === 'token' ? rows * rowLength : slotCount(slots, rows));
  return Object.fromEntries(
    slots.layout.columns.map((column) => {
      const size = sizeOf(column);
      return [column.name, column.dtype === 'i32' ? new Int32Array(size) : new Float32Array(size)];
    }),
  );
}

export function clearInputs(inputs: BatchInputs, columns: readonly ColumnSpec[]): void {
  for (const { name } of columns) arrayOf(inputs, name).fill(INPUTS[name].empty);
}

export function writeInputs(inputs: BatchInputs, columns: readonly ColumnSpec[], document: Placed): void {
  for (const { name } of columns) INPUTS[name].write(arrayOf(inputs, name), document);
}

function arrayOf(inputs: BatchInputs, name: InputName): Numbers {
  const array = inputs[name];
  if (array === undefined) throw internal(`the batch has no input ${name}`);
  return array;
}
