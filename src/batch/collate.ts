/** Writes packed rows into the fixed-size arrays of a batch. */

import type { Packing } from './pack';
import type { Batch, EncodedSplit } from './types';

/** The shape of a batch: `rows`·`rowLength` entries, padding filled with `padId`. */
export interface BatchShape {
  readonly rows: number;
  readonly rowLength: number;
  readonly padId: number;
}

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
  clear(batch, shape.padId);
  for (let row = 0; row < shape.rows; row++) {
    const [from, to] = [packing.starts[first + row] ?? 0, packing.starts[first + row + 1] ?? 0];
    let at = row * shape.rowLength;
    for (let i = from; i < to; i++) {
      const length = writeDocument(batch, split, packing.docs[i] ?? 0, i - from, at);
      at += length;
      batch.tokens += length;
    }
  }
  for (let i = 0; i < batch.weights.length; i++) batch.trained += batch.weights[i] ?? 0;
  return batch;
}

export function batchSpace({ rows, rowLength }: Pick<BatchShape, 'rows' | 'rowLength'>): BatchSpace {
  const size = rows * rowLength;
  return {
    ids: new Int32Array(size),
    positions: new Int32Array(size),
    segments: new Int32Array(size),
    labels: new Int32Array(size),
    weights: new Float32Array(size),
    tokens: 0,
    trained: 0,
  };
}

function clear(batch: BatchSpace, padId: number): void {
  batch.ids.fill(padId);
  batch.positions.fill(0);
  batch.segments.fill(-1);
  batch.labels.fill(-1);
  batch.weights.fill(0);
  batch.tokens = 0;
  batch.trained = 0;
}

/** Writes document `doc` as segment `segment` at `at`; returns its length. Each token's label is the next one; the last has none. */
function writeDocument(batch: Batch, split: EncodedSplit, doc: number, segment: number, at: number): number {
  const from = split.offsets[doc] ?? 0;
  const length = (split.offsets[doc + 1] ?? 0) - from;
  batch.segments.fill(segment, at, at + length);
  // Copied element by element: a subarray would allocate an object for each document.
  for (let i = 0; i < length; i++) {
    batch.ids[at + i] = split.ids[from + i] ?? 0;
    batch.positions[at + i] = i;
    if (i > 0) batch.labels[at + i - 1] = split.ids[from + i] ?? 0;
  }
  for (let i = 1; i < length; i++) batch.weights[at + i - 1] = split.trained[from + i] ?? 0;
  return length;
}
