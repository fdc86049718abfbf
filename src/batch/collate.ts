/** Writes packed rows into the fixed-size arrays of a batch. */

import { clearInputs, inputSpace, writeInputs } from './inputs';
import { writeMismatched } from './mismatched';
import type { Packing } from './pack';
import { slotCount, slotOf, type Slots } from './slots';
import type { Batch, EncodedSplit } from './types';

/** The shape of a batch: `rows`·`rowLength` entries, padding filled with `padId`, or with 0 where the model has no token of padding. */
export interface BatchShape {
  readonly rows: number;
  readonly rowLength: number;
  /** At the start of each document; none when absent. */
  readonly virtualTokens?: number;
  readonly padId: number | null;
  /** For examples with a layout. */
  readonly slots?: Slots;
}

/** Stands for a virtual token, which has no id. */
export const VIRTUAL_ID = -1;

/** A batch whose arrays are reused. */
export type BatchSpace = { -readonly [K in keyof Batch]: Batch[K] };

/** The batch of the rows `first`, `first + 1`, ... of the packing, in `batch`; rows beyond its end are padding. */
export function collate(
  split: EncodedSplit,
  packing: Packing,
  first: number,
  shape: BatchShape,
  batch: BatchSpace = batchSpace(shape),
): Batch {
  clear(batch, shape);
  const rows = Array.from({ length: shape.rows }, (_, row) => {
    const [from, to] = [packing.starts[first + row] ?? 0, packing.starts[first + row + 1] ?? 0];
    return packing.docs.subarray(from, to);
  });
  rows.forEach((examples, row) => writeRow(batch, split, examples, row, shape));
  const { slots } = shape;
  if (slots !== undefined && batch.inputs?.mismatchedIds !== undefined)
    writeMismatched(batch.inputs, split, rows, shape.rowLength, (row, i) => slotOf(slots, shape.rows, row, i, 0));
  for (let i = 0; i < batch.weights.length; i++) batch.trained += batch.weights[i] ?? 0;
  return batch;
}

export function batchSpace({ rows, rowLength, slots }: Omit<BatchShape, 'padId' | 'virtualTokens'>): BatchSpace {
  const size = rows * rowLength;
  return {
    ids: new Int32Array(size),
    positions: new Int32Array(size),
    segments: new Int32Array(size),
    labels: new Int32Array(size),
    weights: new Float32Array(size),
    tokens: 0,
    trained: 0,
    ...(slots !== undefined && {
      ...{ inputs: inputSpace(slots, rows, rowLength), examples: 0 },
      placed: new Int32Array(slotCount(slots, rows)),
      ...(ofClasses(slots) !== null && { weight: 0 }),
    }),
  };
}

function clear(batch: BatchSpace, { padId, slots }: BatchShape): void {
  batch.ids.fill(padId ?? 0);
  batch.positions.fill(0);
  batch.segments.fill(-1);
  batch.labels.fill(-1);
  batch.weights.fill(0);
  batch.tokens = 0;
  batch.trained = 0;
  if (batch.inputs === undefined || slots === undefined) return;
  clearInputs(batch.inputs, slots.layout.columns);
  batch.examples = 0;
  batch.placed?.fill(-1);
  if (batch.weight !== undefined) batch.weight = 0;
}

/** The weights of classes. Those of labels are a matter of the loss. */
function ofClasses({ layout, weights }: Slots): readonly number[] | null {
  return weights !== undefined && layout.columns.some(({ name }) => name === 'classes') ? weights : null;
}

/** Writes the examples of one row, the documents of each next to each other. */
function writeRow(batch: BatchSpace, split: EncodedSplit, examples: Uint32Array, row: number, shape: BatchShape): void {
  const documents = shape.slots?.layout.documents ?? 1;
  const virtual = shape.virtualTokens ?? 0;
  let at = row * shape.rowLength;
  for (let i = 0; i < examples.length; i++) {
    const example = examples[i] ?? 0;
    for (let k = 0; k < documents; k++) {
      const document = example * documents + k;
      const length = writeDocument(batch, split, document, { segment: i * documents + k, at, virtual });
      if (shape.slots !== undefined) {
        const slot = slotOf(shape.slots, shape.rows, row, i, k);
        const last = lastReal(batch, at, length, shape.padId);
        placeDocument(batch, split, { document, example, slot, at, virtual, length, last }, shape.slots);
      }
      at += length;
      batch.tokens += length;
    }
    if (batch.examples !== undefined) batch.examples++;
  }
}

interface DocumentPlace {
  readonly segment: number;
  readonly at: number;
  /** Virtual tokens before the document's own. */
  readonly virtual: number;
}

/** Writes document `doc`; returns its length. Each token's label is the next one; the last has none. */
function writeDocument(batch: Batch, split: EncodedSplit, doc: number, { segment, at, virtual }: DocumentPlace): number {
  const from = split.offsets[doc] ?? 0;
  const length = virtual + (split.offsets[doc + 1] ?? 0) - from;
  batch.segments.fill(segment, at, at + length);
  batch.ids.fill(VIRTUAL_ID, at, at + virtual);
  for (let i = 0; i < length; i++) batch.positions[at + i] = i;
  // Copied element by element: a subarray would allocate an object for each document.
  for (let i = virtual; i < length; i++) {
    const token = from + i - virtual;
    batch.ids[at + i] = split.ids[token] ?? 0;
    if (i === 0) continue;
    batch.labels[at + i - 1] = split.ids[token] ?? 0;
    batch.weights[at + i - 1] = split.trained[token] ?? 0;
  }
  return length;
}

interface Place {
  readonly document: number;
  readonly example: number;
  readonly slot: number;
  readonly at: number;
  readonly virtual: number;
  readonly length: number;
  readonly last: number;
}

/** The last token of a document that is not the token of padding: some models end answers with it. Its first token if all are. */
function lastReal({ ids }: Batch, at: number, length: number, padId: number | null): number {
  let last = at + length - 1;
  while (last > at && ids[last] === padId) last--;
  return last;
}

/** Writes the inputs of the layout for a document. */
function placeDocument(batch: BatchSpace, split: EncodedSplit, place: Place, slots: Slots): void {
  if (batch.inputs === undefined) return;
  if (batch.placed !== undefined) batch.placed[place.slot] = place.example;
  const { types, targets, offsets, lines } = split;
  const from = offsets[place.document] ?? 0;
  const width = (targets?.length ?? 0) / lines.length;
  const target = targets?.subarray(place.example * width, (place.example + 1) * width) ?? [];
  const weight = ofClasses(slots)?.[target[0] ?? 0] ?? 1;
  if (batch.weight !== undefined) batch.weight += weight;
  writeInputs(batch.inputs, slots.layout.columns, {
    ...place,
    ...{ pool: slots.pool, target, weight },
    ...(types !== undefined && { types: types.subarray(from, from + place.length) }),
  });
}
